package requestid

import (
	"strings"
	"testing"
)

// An id takes the bytes that it says, is fit to be logged, and is no other's.
func TestNew(t *testing.T) {
	if one, other := New(), New(); len(one) != Len || !Valid(one) || one == other {
		t.Errorf("%q, then %q", one, other)
	}
	b := []byte(strings.Repeat("-", Len+1))
	if Put(b); b[Len] != '-' || !Valid(string(b[:Len])) || strings.Contains(string(b[:Len]), "-") {
		t.Errorf("put as %q", b)
	}
}
