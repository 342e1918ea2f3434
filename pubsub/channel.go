package pubsub

import (
	"errors"
	"fmt"
	"strings"
)

// MaxChannel is the longest channel name, in bytes.
const MaxChannel = 200

// DefaultNamespace is the namespace of a channel that names none.
const DefaultNamespace = "default"

// userNamespace is the namespace of personal channels, "user:NAME".
const userNamespace = "user"

// A Channel is the name of a log: 1 to [MaxChannel] bytes of A-Z a-z 0-9 _ - . : =,
// not "." or "..", not beginning with ":". Use [ParseChannel] for names from outside.
type Channel string

// ErrChannel says that a name is not a channel's. The wrapped text tells why.
var ErrChannel = errors.New("bad channel name")

// ParseChannel checks a name from outside.
func ParseChannel(s string) (Channel, error) {
	switch {
	case s == "":
		return "", fmt.Errorf("%w: it is empty", ErrChannel)
	case len(s) > MaxChannel:
		return "", fmt.Errorf("%w: %d bytes, at most %d are allowed", ErrChannel, len(s), MaxChannel)
	case s == "." || s == "..":
		// A channel is one segment of a path, and these two are no segments (RFC 3986, section 3.3).
		return "", fmt.Errorf("%w: %q is a path, not a name", ErrChannel, s)
	case s[0] == ':':
		return "", fmt.Errorf("%w: it begins with a colon, so its namespace is empty", ErrChannel)
	}
	for i := 0; i < len(s); i++ {
		if !channelByte(s[i]) {
			return "", fmt.Errorf("%w: byte %d is %q, allowed are A-Z a-z 0-9 _ - . : =", ErrChannel, i+1, s[i])
		}
	}
	return Channel(s), nil
}

func channelByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return c == '_' || c == '-' || c == '.' || c == ':' || c == '='
}

// Namespace returns what stands before the first colon, or [DefaultNamespace].
func (c Channel) Namespace() string {
	if ns, _, ok := strings.Cut(string(c), ":"); ok {
		return ns
	}
	return DefaultNamespace
}

// Personal reports whether c lies in the namespace of users' personal channels.
func (c Channel) Personal() bool { return c.Namespace() == userNamespace }

// UserChannel returns the personal channel of a user, whose bytes outside
// A-Z a-z 0-9 _ - . are written as = and two upper-case hex digits. It fails when the
// name is empty or its channel would be longer than [MaxChannel].
func UserChannel(user string) (Channel, error) {
	const hex = "0123456789ABCDEF"
	if user == "" {
		return "", fmt.Errorf("%w: a user's name is empty", ErrChannel)
	}
	var b strings.Builder
	b.WriteString(userNamespace + ":")
	for i := 0; i < len(user); i++ {
		c := user[i]
		if c != ':' && c != '=' && channelByte(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('=')
		b.WriteByte(hex[c>>4])
		b.WriteByte(hex[c&15])
	}
	return ParseChannel(b.String())
}
