package auth

import (
	"fmt"
	"strings"

	"github.com/wsbridge/wsbridge/pubsub"
)

// MaxPattern is the longest pattern, in bytes.
const MaxPattern = pubsub.MaxChannel

// A pattern stands for channel names: * for any run of bytes, also an empty one and one
// with colons in it, everything else for itself.
//
// It is cut at its stars when it is made. Matching looks for each piece behind the one
// before it, leftmost first, and never goes back: time grows with the length of the name.
type pattern struct {
	head   string   // what names begin with; the whole name if there is no star
	middle []string // what follows somewhere, in this order
	tail   string   // what names end with
	star   bool
}

func parsePattern(s string) (pattern, error) {
	if s == "" || len(s) > MaxPattern {
		return pattern{}, fmt.Errorf("a pattern has 1 to %d bytes, %q has %d", MaxPattern, clip(s), len(s))
	}
	for i := range len(s) {
		if !patternByte(s[i]) {
			return pattern{}, fmt.Errorf("pattern %q: byte %d is %q, allowed are A-Z a-z 0-9 _ - . : = *", clip(s), i+1, s[i])
		}
	}
	head, rest, star := strings.Cut(s, "*")
	if !star {
		return pattern{head: s}, nil
	}
	p := pattern{head: head, star: true}
	for {
		piece, next, more := strings.Cut(rest, "*")
		if !more {
			p.tail = rest
			return p, nil
		}
		if piece != "" {
			p.middle = append(p.middle, piece)
		}
		rest = next
	}
}

func patternByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("_-.:=*", c) >= 0
}

// matches reports whether p stands for c. A personal channel is matched only by patterns
// that begin with "user:", so that "*" does not open what belongs to one user.
func (p *pattern) matches(c pubsub.Channel) bool {
	if c.Personal() && !strings.HasPrefix(p.head, "user:") {
		return false
	}
	name := string(c)
	if !p.star {
		return name == p.head
	}
	if len(name) < len(p.head)+len(p.tail) || !strings.HasPrefix(name, p.head) || !strings.HasSuffix(name, p.tail) {
		return false
	}
	name = name[len(p.head) : len(name)-len(p.tail)]
	for _, piece := range p.middle {
		i := strings.Index(name, piece)
		if i < 0 {
			return false
		}
		name = name[i+len(piece):]
	}
	return true
}
