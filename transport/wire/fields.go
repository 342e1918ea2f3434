package wire

import (
	"encoding/base64"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// fields turns the members of an object from outside into values, and keeps the first
// complaint. null counts as absent for all of them, since many languages write what they
// do not have that way. A name that comes twice counts the last time, as in browsers.
type fields struct{ err *CommandError }

func (f *fields) fail(code, format string, args ...any) {
	if f.err == nil {
		f.err = &CommandError{Code: code, Detail: fmt.Sprintf(format, args...)}
	}
}

func (f *fields) mismatch(name, want string, v []byte) {
	f.fail(CodeBadRequest, "%s must be %s, not %s", name, want, kindOf(v))
}

// kindOf names the type of a JSON value.
func kindOf(v []byte) string {
	switch v[0] {
	case '{':
		return "an object"
	case '[':
		return "a list"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

func null(v []byte) bool { return v[0] == 'n' }

func number(v []byte) bool { return v[0] == '-' || digit(v[0]) }

func (f *fields) text(name string, v []byte) string {
	switch {
	case null(v):
		return ""
	case v[0] != '"':
		f.mismatch(name, "a string", v)
		return ""
	}
	return Unquote(v)
}

func (f *fields) ref(v []byte) Ref {
	switch {
	case null(v):
		return ""
	case !number(v):
		f.mismatch("ref", "a number", v)
		return ""
	case len(v) > MaxRef:
		f.fail(CodeBadRequest, "ref has %d characters, at most %d are allowed", len(v), MaxRef)
		return ""
	}
	return Ref(v)
}

func (f *fields) bool(name string, v []byte) bool {
	if v[0] != 't' && v[0] != 'f' && !null(v) {
		f.mismatch(name, "true or false", v)
	}
	return v[0] == 't'
}

func (f *fields) channel(name string, v []byte) pubsub.Channel {
	s := f.text(name, v)
	if s == "" && v[0] != '"' {
		return ""
	}
	c, err := pubsub.ParseChannel(s)
	if err != nil {
		f.fail(CodeBadChannel, "%s: %v", name, err)
	}
	return c
}

// channels takes a list of names, or one string of names between commas.
func (f *fields) channels(name string, v []byte, most int) []pubsub.Channel {
	var names []string
	switch v[0] {
	case 'n':
		return nil
	case '"':
		return f.channelNames(name, Unquote(v), most)
	case '[':
		s := scanner{data: v, depth: MaxDepth}
		_ = s.array(func(item []byte) { // it was checked when it was found
			if item[0] != '"' {
				f.mismatch("each of "+name, "a string", item)
			} else if len(names) <= most {
				names = append(names, Unquote(item))
			}
		})
		return f.channelList(name, names, most)
	}
	f.mismatch(name, "a list or a string", v)
	return nil
}

func (f *fields) channelNames(name, text string, most int) []pubsub.Channel {
	if text == "" {
		return nil
	}
	return f.channelList(name, strings.SplitN(text, ",", most+1), most)
}

// channelList drops names that come twice: they ask for nothing more.
func (f *fields) channelList(name string, names []string, most int) []pubsub.Channel {
	if len(names) > most {
		f.fail(CodeTooManyChannels, "%s has more than %d channels", name, most)
		return nil
	}
	var channels []pubsub.Channel
	seen := make(map[string]struct{}, len(names))
	for _, s := range names {
		c, err := pubsub.ParseChannel(s)
		if err != nil {
			f.fail(CodeBadChannel, "%s: %v", name, err)
			return nil
		}
		if _, twice := seen[s]; !twice {
			seen[s] = struct{}{}
			channels = append(channels, c)
		}
	}
	return channels
}

func (f *fields) position(name, s string) pubsub.Position {
	p, err := pubsub.ParsePosition(s)
	if err != nil {
		f.fail(CodeBadPosition, "%s: %v", name, err)
	}
	return p
}

func (f *fields) since(name string, v []byte) pubsub.Start {
	s := f.text(name, v)
	if s == "" && v[0] != '"' {
		return pubsub.Start{}
	}
	return pubsub.Behind(f.position(name, s))
}

func (f *fields) cursor(name, s string, most int) pubsub.Cursor {
	cursor, err := pubsub.ParseCursor(s, most)
	if err != nil {
		f.fail(CodeBadCursor, "%s: %v", name, err)
	}
	return cursor
}

// limit reads how many messages are asked for. More than MaxLimit is no fault: whoever
// asks for too much gets less, and goes on from there.
func (f *fields) limit(name, s string) int {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil && !isRange(err) || n == 0 {
		f.fail(CodeBadRequest, "%s must be a whole number, 1 or more", name)
		return 0
	}
	return int(min(n, MaxLimit))
}

// wait reads seconds, and lowers them to MaxWait.
func (f *fields) wait(name, s string) time.Duration {
	n, err := strconv.ParseFloat(s, 64)
	if err != nil && !isRange(err) || !(n >= 0) {
		f.fail(CodeBadRequest, "%s must be a number of seconds, 0 or more", name)
		return 0
	}
	return time.Duration(math.Min(n, MaxWait.Seconds()) * float64(time.Second))
}

func isRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

func (f *fields) client(name, s string) string {
	if s != "" && !ValidClient(s) {
		f.fail(CodeBadRequest, "%s must be 1 to %d of A-Z a-z 0-9 _ -", name, MaxClient)
	}
	return s
}

func (f *fields) base64(name string, v []byte) []byte {
	b, err := base64.StdEncoding.DecodeString(f.text(name, v))
	if err != nil {
		f.fail(CodeBadRequest, "%s is not standard base64 with padding (RFC 4648, section 4)", name)
	}
	return b
}

// json keeps a value, compact. It was checked when it was found.
func (f *fields) json(v []byte) []byte {
	return appendStripped(make([]byte, 0, len(v)), v)
}

func (f *fields) meta(v []byte) map[string]string {
	if null(v) {
		return nil
	}
	if v[0] != '{' {
		f.mismatch("meta", "an object of strings", v)
		return nil
	}
	meta := make(map[string]string)
	s := scanner{data: v, depth: MaxDepth}
	_ = s.object(func(name, value []byte) {
		switch {
		case value[0] != '"':
			f.mismatch("each of meta", "a string", value)
		case len(meta) == pubsub.MaxMetaEntries:
			f.fail(CodeBadMessage, "meta has more than %d entries", pubsub.MaxMetaEntries)
		default:
			meta[string(name)] = Unquote(value)
		}
	})
	return meta
}
