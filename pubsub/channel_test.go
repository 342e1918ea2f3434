package pubsub_test

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/wsbridge/wsbridge/pubsub"
)

func same[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

func TestParseChannel(t *testing.T) {
	for _, good := range []string{
		"a", "Z", "0", "_", "-", "=", "...", "a.b", ".a", "orders:42", "orders:", "a:b:c", "a::b", "user:=41",
		strings.Repeat("x", pubsub.MaxChannel),
	} {
		c, err := pubsub.ParseChannel(good)
		if err != nil || string(c) != good {
			t.Errorf("ParseChannel(%q) = %q, %v", good, c, err)
		}
	}
	for _, bad := range []string{
		"", ".", "..", ":", ":a", "a b", "a/b", "a,b", "a@b", "a*", "a%", "a\x00", "a\n", "ä", "a\xff",
		strings.Repeat("x", pubsub.MaxChannel+1),
	} {
		c, err := pubsub.ParseChannel(bad)
		if !errors.Is(err, pubsub.ErrChannel) || c != "" {
			t.Errorf("ParseChannel(%q) = %q, %v, want %v", bad, c, err, pubsub.ErrChannel)
		}
	}
}

func TestNamespace(t *testing.T) {
	for c, want := range map[pubsub.Channel]string{
		"news":          pubsub.DefaultNamespace,
		"orders:42":     "orders",
		"orders:42:pdf": "orders",
		"orders:":       "orders",
		"user:ann":      "user",
	} {
		same(t, string(c), want, c.Namespace())
		same(t, string(c)+" is personal", want == "user", c.Personal())
	}
}

func TestUserChannel(t *testing.T) {
	for user, want := range map[string]pubsub.Channel{
		"ann":                   "user:ann",
		"Ann_B-1.x":             "user:Ann_B-1.x",
		"ann@example.com":       "user:ann=40example.com",
		"a:b":                   "user:a=3Ab",
		"a=b":                   "user:a=3Db",
		"..":                    "user:..",
		"ü":                     "user:=C3=BC",
		"\x00\xff":              "user:=00=FF",
		strings.Repeat("é", 32): pubsub.Channel("user:" + strings.Repeat("=C3=A9", 32)),
	} {
		c, err := pubsub.UserChannel(user)
		if err != nil {
			t.Errorf("UserChannel(%q): %v", user, err)
		}
		same(t, user, want, c)
	}
	for _, bad := range []string{"", strings.Repeat("x", 196), strings.Repeat("é", 40)} {
		if c, err := pubsub.UserChannel(bad); !errors.Is(err, pubsub.ErrChannel) {
			t.Errorf("UserChannel(%q) = %q, %v, want %v", bad, c, err, pubsub.ErrChannel)
		}
	}
}

var channelPattern = regexp.MustCompile(`^[A-Za-z0-9_.=-][A-Za-z0-9_.:=-]{0,199}$`)

func FuzzParseChannel(f *testing.F) {
	for _, seed := range []string{"a", "orders:42", ":a", ".", "..", "...", "user:=C3=BC", "a\n", strings.Repeat("x", 201)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := pubsub.ParseChannel(s)
		good := channelPattern.MatchString(s) && s != "." && s != ".."
		if good != (err == nil) || good && string(c) != s {
			t.Fatalf("ParseChannel(%q) = %q, %v", s, c, err)
		}
	})
}

func FuzzUserChannel(f *testing.F) {
	for _, seed := range []string{"ann", "a:b=c", "ü", "\xff", "user:x", strings.Repeat("é", 33)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, user string) {
		c, err := pubsub.UserChannel(user)
		if err != nil {
			// Each byte takes at most three.
			if user != "" && 5+3*len(user) <= pubsub.MaxChannel {
				t.Fatalf("UserChannel(%q): %v", user, err)
			}
			return
		}
		if _, err := pubsub.ParseChannel(string(c)); err != nil || !c.Personal() {
			t.Fatalf("UserChannel(%q) = %q, which is no personal channel: %v", user, c, err)
		}
		if back := decodeUser(t, string(c)); back != user {
			t.Fatalf("UserChannel(%q) = %q, which is the channel of %q", user, c, back)
		}
	})
}

// decodeUser inverts UserChannel, so that no two users share a channel.
func decodeUser(t *testing.T, c string) string {
	escape := regexp.MustCompile("=[0-9A-F]{2}")
	return escape.ReplaceAllStringFunc(strings.TrimPrefix(c, "user:"), func(s string) string {
		n, err := strconv.ParseUint(s[1:], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		return string([]byte{byte(n)})
	})
}
