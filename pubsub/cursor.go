package pubsub

import (
	"errors"
	"fmt"
	"strings"
)

// A Start tells where a subscription begins. The zero Start is "from now": every message
// whose publish is sent after the subscription was confirmed.
type Start struct {
	Resume bool     // begin behind Pos instead of now
	Pos    Position // the zero Position: in front of the oldest message kept
}

// Behind returns the Start of a client that shows p.
func Behind(p Position) Start { return Start{Resume: true, Pos: p} }

// A Mark is one channel of a cursor and where it begins.
type Mark struct {
	Channel Channel
	Start   Start
}

// A Cursor holds positions of several channels, written NAME@POS,NAME@POS in any order.
// A name alone means "from now". It is all a client needs to go on elsewhere.
type Cursor []Mark

// ErrCursor says that a text is no cursor.
var ErrCursor = errors.New("bad cursor")

// ParseCursor reads a cursor of at most max channels. The empty text is the empty cursor.
func ParseCursor(s string, max int) (Cursor, error) {
	if s == "" {
		return nil, nil
	}
	if n := strings.Count(s, ",") + 1; n > max {
		return nil, fmt.Errorf("%w: %d channels, at most %d are allowed", ErrCursor, n, max)
	}
	var cursor Cursor
	seen := make(map[Channel]struct{})
	for entry := range strings.SplitSeq(s, ",") {
		name, pos, resume := strings.Cut(entry, "@")
		channel, err := ParseChannel(name)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCursor, err)
		}
		mark := Mark{Channel: channel}
		if resume {
			p, err := ParsePosition(pos)
			if err != nil {
				return nil, fmt.Errorf("%w: %s: %w", ErrCursor, channel, err)
			}
			mark.Start = Behind(p)
		}
		if _, twice := seen[channel]; twice {
			return nil, fmt.Errorf("%w: %s stands in it twice", ErrCursor, channel)
		}
		seen[channel] = struct{}{}
		cursor = append(cursor, mark)
	}
	return cursor, nil
}

// Find returns where c begins in the cursor.
func (cur Cursor) Find(c Channel) (Start, bool) {
	for i := range cur {
		if cur[i].Channel == c {
			return cur[i].Start, true
		}
	}
	return Start{}, false
}

// Set moves c to p, adding it when it is missing, and returns the cursor.
func (cur Cursor) Set(c Channel, p Position) Cursor {
	for i := range cur {
		if cur[i].Channel == c {
			cur[i].Start = Behind(p)
			return cur
		}
	}
	return append(cur, Mark{Channel: c, Start: Behind(p)})
}

// String returns the cursor's text.
func (cur Cursor) String() string { return string(cur.AppendTo(nil)) }

// AppendTo appends what String returns.
func (cur Cursor) AppendTo(b []byte) []byte {
	for i := range cur {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, cur[i].Channel...)
		if cur[i].Start.Resume {
			b = append(b, '@')
			b = cur[i].Start.Pos.AppendTo(b)
		}
	}
	return b
}
