package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestClaimsCheck(t *testing.T) {
	many := make(map[string]Op)
	for i := range MaxPatterns + 1 {
		many[fmt.Sprint("c", i)] = Subscribe
	}
	for _, test := range []struct {
		claims Claims
		want   string
	}{
		{Claims{}, "bad claims: sub has 1 to 128 bytes, this one 0"},
		{Claims{User: strings.Repeat("u", 129)}, "bad claims: sub has 1 to 128 bytes, this one 129"},
		{Claims{User: "a\xffb"}, "bad claims: sub is not UTF-8"},
		{Claims{User: "a", Capabilities: many}, "bad claims: capabilities name 101 patterns, at most 100 are allowed"},
		{Claims{User: "a", Capabilities: map[string]Op{"b c": 0, "": 0}}, `bad claims: capabilities: a pattern has 1 to 200 bytes, "" has 0`},
		{Claims{User: "a", Channels: make([]pubsub.Channel, 101)}, "bad claims: channels are 101, at most 100 are allowed"},
		{Claims{User: "a", Channels: []pubsub.Channel{"ok", ":x"}}, "bad claims: channels: bad channel name: it begins with a colon, so its namespace is empty"},
		{Claims{User: "a", ID: strings.Repeat("i", 256)}, "bad claims: jti has 256 bytes, at most 255 are allowed"},
	} {
		err := test.claims.Check()
		if !errors.Is(err, ErrClaims) || err.Error() != test.want {
			t.Errorf("error %v, want %s", err, test.want)
		}
	}
	delete(many, "c0")
	good := Claims{User: strings.Repeat("ü", 64), Capabilities: many, Channels: []pubsub.Channel{"a", "b:c"}, ID: "1"}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
}

func TestClaimsOwnTheirChannels(t *testing.T) {
	channels := []pubsub.Channel{"a"}
	claims := Claims{User: "ann", Channels: channels}
	id, err := claims.identity()
	if err != nil {
		t.Fatal(err)
	}
	channels[0] = "b"
	if id.Channels[0] != "a" || id.May(Subscribe, "b") {
		t.Error("the identity changed")
	}
}
