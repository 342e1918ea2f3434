package pubsub_test

import (
	"errors"
	"math"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/wsbridge/wsbridge/pubsub"
)

func TestParsePosition(t *testing.T) {
	for s, want := range map[string]pubsub.Position{
		"0":               {},
		"a-0-00000000":    {Epoch: "a"},
		"0-0-00000000":    {Epoch: "0"},
		"Ab3-42-0123cdef": {Epoch: "Ab3", Offset: 42, Digest: 0x0123cdef},
		"0123456789abcdef-18446744073709551615-ffffffff": {Epoch: "0123456789abcdef", Offset: math.MaxUint64, Digest: math.MaxUint32},
	} {
		p, err := pubsub.ParsePosition(s)
		if err != nil {
			t.Errorf("ParsePosition(%q): %v", s, err)
		}
		same(t, s, want, p)
		same(t, "the text", s, p.String())
		same(t, s+" is zero", s == "0", p.IsZero())
	}
	for _, s := range []string{
		"", "00", "-", "--", "a", "a-1", "a-1-", "a--00000000", "-1-00000000", "a-1-0000000", "a-1-000000000",
		"a-1-0000000G", "a-1-ABCDEF00", "a-01-00000000", "a-00-00000000", "a-+1-00000000", "a--1-00000000",
		"a-1_0-00000000", "a-0x1-00000000", "a-1e3-00000000", "a-18446744073709551616-00000000", "a-1-00000000-",
		"a-1-00000000 ", " a-1-00000000", "ä-1-00000000", "a.b-1-00000000", "01234567890abcdef-1-00000000",
		"a-1-00000000,", "a-١-00000000", strings.Repeat("a", 1<<16),
	} {
		p, err := pubsub.ParsePosition(s)
		if !errors.Is(err, pubsub.ErrPosition) || !p.IsZero() {
			t.Errorf("ParsePosition(%q) = %s, %v, want %v", s, p, err, pubsub.ErrPosition)
			continue
		}
		if n := len(err.Error()); n > 400 {
			t.Errorf("ParsePosition of %d bytes: an error of %d bytes", len(s), n)
		}
	}
}

func TestPositionNext(t *testing.T) {
	id := uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057")
	p := pubsub.Position{Epoch: "e", Offset: 41, Digest: 7}
	same(t, "the next", pubsub.Position{Epoch: "e", Offset: 42, Digest: pubsub.Digest(7).Next(id)}, p.Next(id))
}

var positionPattern = regexp.MustCompile(`^([A-Za-z0-9]{1,16}-(0|[1-9][0-9]*)-[0-9a-f]{8}|0)$`)

func FuzzParsePosition(f *testing.F) {
	for _, seed := range []string{"0", "a-0-00000000", "Ab3-42-0123cdef", "a-01-00000000", "a-18446744073709551616-00000000", "a-1-ABCDEF00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := pubsub.ParsePosition(s)
		if good := naivePosition(s); good != (err == nil) {
			t.Fatalf("ParsePosition(%q) = %s, %v", s, p, err)
		}
		if back := p.String(); err == nil && back != s {
			t.Fatalf("%q is also written %q", s, back)
		}
	})
}

// naivePosition reports whether s is a position, by a pattern and numbers without bounds.
func naivePosition(s string) bool {
	parts := positionPattern.FindStringSubmatch(s)
	if parts == nil || s == "0" {
		return s == "0"
	}
	offset, ok := new(big.Int).SetString(parts[2], 10)
	return ok && offset.IsUint64()
}
