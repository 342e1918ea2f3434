package api

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// An object is a JSON object from outside, whose members are taken by name. It keeps the
// first complaint in err. null counts as absent, except where a payload may be null.
type object struct {
	members map[string]json.RawMessage
	err     error
}

// maxMembers bounds an object that may have members of any name.
const maxMembers = 100

// parseObject reads exactly one object. Members that are not known are refused, and so are
// those that come twice: what they were meant to say would be lost. With no known names,
// any are taken.
func parseObject(text []byte, known ...string) (*object, error) {
	// The object stands around a payload.
	if err := wire.CheckJSON(text, wire.MaxDepth+1); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if open, _ := dec.Token(); open != json.Delim('{') {
		return nil, problem.New(problem.BadRequest, "a JSON object is expected")
	}
	o := &object{members: make(map[string]json.RawMessage)}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, err
		}
		name, _ := token.(string)
		switch _, twice := o.members[name]; {
		case twice:
			return nil, problem.New(problem.BadRequest, "the field %.40q stands there twice", name)
		case len(known) > 0 && !slices.Contains(known, name):
			return nil, unknownField(name, known)
		case len(o.members) == maxMembers:
			return nil, problem.New(problem.BadRequest, "the object has more than %d fields", maxMembers)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, err
		}
		o.members[name] = value
	}
	return o, nil
}

func unknownField(name string, known []string) error {
	return problem.New(problem.BadRequest, "there is no field %.40q, known are %s", name, strings.Join(known, ", "))
}

func (o *object) fail(format string, args ...any) {
	if o.err == nil {
		o.err = problem.New(problem.BadRequest, format, args...)
	}
}

// has reports whether there is a member other than null.
func (o *object) has(name string) bool {
	value, given := o.members[name]
	return given && string(value) != "null"
}

// text returns a string, or "" if there is none.
func (o *object) text(name string) string {
	var s string
	o.decode(name, "a string", &s)
	return s
}

// decode reads a member, if there is one, into what has to be described by want.
func (o *object) decode(name, want string, into any) {
	if o.has(name) && json.Unmarshal(o.members[name], into) != nil {
		o.fail("%s must be %s", name, want)
	}
}

// json returns a value, compact, and whether there is one; null is one.
func (o *object) json(name string, max int) ([]byte, bool) {
	value, given := o.members[name]
	if !given {
		return nil, false
	}
	if len(value) > max {
		o.tooLarge(name, len(value), max)
		return nil, true
	}
	compact, err := wire.AppendCompact(value[:0], value, wire.MaxDepth)
	if err != nil && o.err == nil {
		o.err = err
	}
	return compact, true
}

// base64 returns bytes.
func (o *object) base64(name string, max int) []byte {
	text := o.text(name)
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		o.fail("%s is not base64 with padding (RFC 4648, section 4)", name)
	}
	if len(b) > max {
		o.tooLarge(name, len(b), max)
	}
	return b
}

func (o *object) tooLarge(name string, size, max int) {
	if o.err == nil {
		o.err = problem.New(problem.TooLarge, "%s has %d bytes, at most %d are allowed", name, size, max)
	}
}

// meta returns an object of strings. Its limits are checked with the message's, but for
// one that no meta within them is written as.
func (o *object) meta() map[string]string {
	if len(o.members["meta"]) > envelope {
		o.fail("meta is too long")
		return nil
	}
	var members map[string]*string
	o.decode("meta", "an object of strings", &members)
	var meta map[string]string
	for name, value := range members {
		if value == nil {
			o.fail("meta must be an object of strings, and %.40q is null", name)
			return nil
		}
		if meta == nil {
			meta = make(map[string]string, len(members))
		}
		meta[name] = *value
	}
	return meta
}
