package auth

import (
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// An Identity is who a client is and what it may do. It never changes: a client that
// refreshes its token gets another one.
type Identity struct {
	User     string           // the token's sub; empty: anonymous
	TokenID  string           // the token's jti, if it has one
	Channels []pubsub.Channel // joined at connect; not to be changed
	Expires  time.Time        // from then on the token is refused, the leeway included; zero: never

	grants   []grant
	personal pubsub.Channel // of User; empty when the name is too long for one
	public   func(namespace string) Op
	all      bool
}

type grant struct {
	pattern pattern
	ops     Op
}

// May reports whether all of op is allowed on c: by the token's capabilities taken
// together, by the channels that it joins (subscribe), on the user's own personal channel
// (subscribe and history), or because the namespace allows it to everyone. A token never
// takes away what anonymous clients may do.
//
// Personal channels, "user:NAME", are in no namespace that is open to everyone.
func (id *Identity) May(op Op, c pubsub.Channel) bool {
	if id.all {
		return true
	}
	var have Op
	if c.Personal() {
		if id.personal != "" && c == id.personal {
			have = Subscribe | History
		}
	} else if id.public != nil {
		have = id.public(c.Namespace())
	}
	for i := range id.grants {
		if have&op == op {
			break
		}
		if g := &id.grants[i]; g.ops&^have != 0 && g.pattern.matches(c) {
			have |= g.ops
		}
	}
	return have&op == op
}

// SameUser reports whether both are the same user, which is what a refresh asks for.
// Anonymous clients are nobody's same.
func (id *Identity) SameUser(other *Identity) bool {
	return id.User != "" && id.User == other.User
}

// Expired reports whether the token behind the identity ran out.
func (id *Identity) Expired(now time.Time) bool {
	return !id.Expires.IsZero() && !now.Before(id.Expires)
}

// Anonymous returns the identity of clients without a token. public tells what a
// namespace allows them; nil: nothing.
func Anonymous(public func(namespace string) Op) *Identity { return &Identity{public: public} }

// Everything returns an anonymous identity that may do everything, for --dev.
func Everything() *Identity { return &Identity{all: true} }
