package auth

import (
	"encoding/json"
	"fmt"
	"strings"
)

// An Op is what somebody wants to do with a channel, or a set of that.
type Op uint8

const (
	Subscribe Op = 1 << iota // receive what is published, also what was missed
	Publish
	History  // read what is kept without subscribing
	Presence // see who is subscribed

	AllOps = Subscribe | Publish | History | Presence
)

var opNames = [...]string{"subscribe", "publish", "history", "presence"}

// ParseOp reads the name of one operation, as tokens and configuration write it.
func ParseOp(name string) (Op, error) {
	for i, n := range opNames {
		if n == name {
			return 1 << i, nil
		}
	}
	return 0, fmt.Errorf("%q is no operation, allowed are %s", clip(name), strings.Join(opNames[:], ", "))
}

// String returns the names of the set, separated by commas.
func (o Op) String() string { return strings.Join(o.Names(), ",") }

// Names returns the names of the set in a fixed order.
func (o Op) Names() []string {
	names := make([]string, 0, len(opNames))
	for i, n := range opNames {
		if o&(1<<i) != 0 {
			names = append(names, n)
		}
	}
	return names
}

// MarshalJSON writes the set as a list of names.
func (o Op) MarshalJSON() ([]byte, error) { return json.Marshal(o.Names()) }

// UnmarshalJSON reads a list of names.
func (o *Op) UnmarshalJSON(b []byte) error {
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return fmt.Errorf("operations are a list out of %s", strings.Join(opNames[:], ", "))
	}
	*o = 0
	for _, name := range names {
		op, err := ParseOp(name)
		if err != nil {
			return err
		}
		*o |= op
	}
	return nil
}

// clip shortens a text from outside for an error.
func clip(s string) string {
	if len(s) > 60 {
		return s[:60] + "…"
	}
	return s
}
