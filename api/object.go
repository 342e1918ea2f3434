package api

import (
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
	members []member
	err     error
}

type member struct {
	name  string
	value []byte // a part of the object's text
}

// maxMembers bounds an object that may have members of any name.
const maxMembers = 100

// parse reads exactly one object, in place of any that it read before. Members that are not known
// are refused, and so are those that come twice: what they were meant to say would be lost. With no
// known names, any are taken. The text stays as it is for as long as the object is used.
func (o *object) parse(text []byte, known ...string) error {
	o.members, o.err = o.members[:0], nil
	// The object stands around a payload.
	isObject, err := wire.EachMember(text, wire.MaxDepth+1, func(name, value []byte) {
		if o.err == nil {
			o.err = o.add(name, value, known)
		}
	})
	switch {
	case err != nil:
		return err
	case !isObject:
		return problem.New(problem.BadRequest, "a JSON object is expected")
	}
	return o.err
}

func (o *object) add(name, value []byte, known []string) error {
	at := slices.IndexFunc(known, func(k string) bool { return k == string(name) })
	switch {
	case o.find(string(name)) != nil:
		return problem.New(problem.BadRequest, "the field %.40q stands there twice", name)
	case len(known) > 0 && at < 0:
		return unknownField(string(name), known)
	case len(o.members) == maxMembers:
		return problem.New(problem.BadRequest, "the object has more than %d fields", maxMembers)
	}
	m := member{value: value}
	if at >= 0 {
		m.name = known[at]
	} else {
		m.name = string(name)
	}
	o.members = append(o.members, m)
	return nil
}

// find returns the value of a member, or nil if there is none.
func (o *object) find(name string) []byte {
	for i := range o.members {
		if o.members[i].name == name {
			return o.members[i].value
		}
	}
	return nil
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
	value := o.find(name)
	return value != nil && value[0] != 'n'
}

// text returns a string, or "" if there is none.
func (o *object) text(name string) string {
	value := o.find(name)
	switch {
	case value == nil || value[0] == 'n':
		return ""
	case value[0] != '"':
		o.fail("%s must be a string", name)
		return ""
	}
	return wire.Unquote(value)
}

// decode reads a member, if there is one, into what has to be described by want.
func (o *object) decode(name, want string, into any) {
	if o.has(name) && json.Unmarshal(o.find(name), into) != nil {
		o.fail("%s must be %s", name, want)
	}
}

// json returns a value, compact, and whether there is one; null is one.
func (o *object) json(name string, max int) ([]byte, bool) {
	value := o.find(name)
	if value == nil {
		return nil, false
	}
	if len(value) > max {
		o.tooLarge(name, len(value), max)
		return nil, true
	}
	compact, err := wire.AppendCompact(make([]byte, 0, len(value)), value, wire.MaxDepth)
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
	switch {
	case !o.has("meta"):
		return nil
	case len(o.find("meta")) > envelope:
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
