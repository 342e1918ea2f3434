package auth

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	key1 = "the first key has thirty-two byt"
	key2 = "and the second one has even more than that"
	key3 = "this one is known to nobody but the attacker"
)

var now = time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC)

func newTokens(t testing.TB, keys ...string) *Tokens {
	t.Helper()
	var opts TokenOptions
	for _, key := range keys {
		opts.Keys = append(opts.Keys, NewSecret(key))
	}
	tokens, err := NewTokens(opts)
	if err != nil {
		t.Fatal(err)
	}
	return tokens
}

// forge signs any header and payload, by RFC 7515 alone.
func forge(key, header, payload string) string {
	enc := base64.RawURLEncoding
	text := enc.EncodeToString([]byte(header)) + "." + enc.EncodeToString([]byte(payload))
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return text + "." + enc.EncodeToString(mac.Sum(nil))
}

const hs256 = `{"alg":"HS256","typ":"JWT"}`

func payload(extra string) string {
	return fmt.Sprintf(`{"exp":%d%s}`, now.Add(time.Hour).Unix(), extra)
}

func TestVerify(t *testing.T) {
	tokens := newTokens(t, key1, key2)
	full := payload(`,"sub":"ann","jti":"7","channels":["a","b:1"],"capabilities":{"orders:*":["subscribe","history"]},"iss":5,"aud":["x"]`)
	for _, key := range []string{key1, key2} {
		id, err := tokens.Verify(forge(key, hs256, full), now)
		if err != nil {
			t.Fatal(err)
		}
		if id.User != "ann" || id.TokenID != "7" || !id.Expires.Equal(now.Add(time.Hour+Leeway)) {
			t.Errorf("got %q %q %v", id.User, id.TokenID, id.Expires)
		}
		if diff := cmp.Diff([]pubsub.Channel{"a", "b:1"}, id.Channels); diff != "" {
			t.Error(diff)
		}
		if !id.May(Subscribe|History, "orders:1") || id.May(Publish, "orders:1") || !id.May(Subscribe, "b:1") {
			t.Error("wrong capabilities")
		}
	}
}

func TestVerifyRefuses(t *testing.T) {
	good := forge(key1, hs256, payload(`,"sub":"ann"`))
	parts := strings.Split(good, ".")
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	const unsigned = "it is not signed with HS256 and one of the token keys"
	for _, test := range []struct {
		name, token, detail string
		expired             bool
	}{
		{name: "empty", token: "", detail: "it is empty"},
		{name: "garbage", token: "garbage", detail: "it is not a JWT"},
		{name: "dots", token: "..", detail: "it is not a JWT"},
		{name: "four parts", token: good + ".x", detail: "it is not a JWT"},
		{name: "long", token: strings.Repeat("a", MaxToken+1), detail: "it has 8193 bytes, at most 8192 are allowed"},
		{name: "alg none", token: forge(key1, `{"alg":"none"}`, payload(`,"sub":"ann"`)), detail: unsigned},
		{name: "alg none unsigned", token: base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + parts[1] + ".", detail: unsigned},
		{name: "alg HS512", token: forge(key1, `{"alg":"HS512"}`, payload(`,"sub":"ann"`)), detail: unsigned},
		{name: "alg RS256", token: forge(key1, `{"alg":"RS256"}`, payload(`,"sub":"ann"`)), detail: unsigned},
		{name: "alg missing", token: forge(key1, `{}`, payload(`,"sub":"ann"`)), detail: unsigned},
		{name: "wrong key", token: forge(key3, hs256, payload(`,"sub":"ann"`)), detail: unsigned},
		{name: "no signature", token: parts[0] + "." + parts[1] + ".", detail: unsigned},
		{name: "other payload", token: parts[0] + "." + strings.Split(forge(key1, hs256, payload(`,"sub":"bob"`)), ".")[1] + "." + parts[2], detail: unsigned},
		{name: "crit", token: forge(key1, `{"alg":"HS256","crit":["exp"]}`, payload(`,"sub":"ann"`)), detail: "its header names extensions in crit, and none is known"},
		{name: "payload null", token: forge(key1, hs256, `null`), detail: "exp is missing"},
		{name: "payload list", token: forge(key1, hs256, `[]`), detail: "it is not a JWT"},
		{name: "no exp", token: forge(key1, hs256, `{"sub":"ann"}`), detail: "exp is missing"},
		{name: "exp in words", token: forge(key1, hs256, `{"sub":"ann","exp":"never"}`), detail: "exp or nbf is no time in seconds since 1970"},
		{name: "exp quoted", token: forge(key1, hs256, fmt.Sprintf(`{"sub":"ann","exp":"%d"}`, at(time.Hour))), detail: "exp or nbf is no time in seconds since 1970"},
		{name: "exp null", token: forge(key1, hs256, `{"sub":"ann","exp":null}`), detail: "exp or nbf is no time in seconds since 1970"},
		{name: "exp huge", token: forge(key1, hs256, `{"sub":"ann","exp":1e300}`), detail: "exp or nbf is no time in seconds since 1970"},
		{name: "EXP", token: forge(key1, hs256, fmt.Sprintf(`{"sub":"ann","EXP":%d}`, at(time.Hour))), detail: "exp is missing"},
		{name: "nbf", token: forge(key1, hs256, payload(fmt.Sprintf(`,"sub":"ann","nbf":%d`, at(Leeway+time.Second)))), detail: "it is not valid yet, says its nbf"},
		{name: "no sub", token: forge(key1, hs256, payload(``)), detail: "sub has 1 to 128 bytes, this one 0"},
		{name: "SUB", token: forge(key1, hs256, payload(`,"SUB":"ann"`)), detail: "sub has 1 to 128 bytes, this one 0"},
		{name: "sub a number", token: forge(key1, hs256, payload(`,"sub":7`)), detail: "sub is not a string"},
		{name: "sub broken", token: forge(key1, hs256, payload(",\"sub\":\"a\xff\"")), detail: "sub is not UTF-8"},
		{name: "sub half a rune", token: forge(key1, hs256, payload(`,"sub":"\ud800"`)), detail: "sub is not UTF-8"},
		{name: "unknown operation", token: forge(key1, hs256, payload(`,"sub":"a","capabilities":{"x":["delete"]}`)), detail: `capabilities: "delete" is no operation, allowed are subscribe, publish, history, presence`},
		{name: "capabilities a list", token: forge(key1, hs256, payload(`,"sub":"a","capabilities":["x"]`)), detail: "capabilities is not a map from channel patterns to lists of operations"},
		{name: "bad pattern", token: forge(key1, hs256, payload(`,"sub":"a","capabilities":{"a/b":[]}`)), detail: `capabilities: pattern "a/b": byte 2 is '/', allowed are A-Z a-z 0-9 _ - . : = *`},
		{name: "channels a text", token: forge(key1, hs256, payload(`,"sub":"a","channels":"x"`)), detail: "channels is not a list of channel names"},
		{name: "bad channel", token: forge(key1, hs256, payload(`,"sub":"a","channels":["x*"]`)), detail: `channels: bad channel name: byte 2 is '*', allowed are A-Z a-z 0-9 _ - . : =`},

		{name: "expired", token: forge(key1, hs256, fmt.Sprintf(`{"sub":"ann","exp":%d}`, at(-Leeway))), detail: "it expired at 2030-01-02T03:03:35Z", expired: true},
		{name: "expired long ago", token: forge(key2, hs256, `{"sub":"ann","exp":0}`), detail: "it expired at 1970-01-01T00:00:00Z", expired: true},
		{name: "expired and wrong key", token: forge(key3, hs256, `{"sub":"ann","exp":0}`), detail: unsigned},
		{name: "expired and no sub", token: forge(key1, hs256, `{"exp":0}`), detail: "sub has 1 to 128 bytes, this one 0"},
		{name: "expired and not valid yet", token: forge(key1, hs256, fmt.Sprintf(`{"sub":"a","exp":0,"nbf":%d}`, at(time.Hour))), detail: "it is not valid yet, says its nbf"},
		{name: "expired and bad nbf", token: forge(key1, hs256, `{"sub":"a","exp":0,"nbf":"x"}`), detail: "exp or nbf is no time in seconds since 1970"},
	} {
		t.Run(test.name, func(t *testing.T) {
			id, err := newTokens(t, key1, key2).Verify(test.token, now)
			var refused *TokenError
			if !errors.As(err, &refused) || id != nil {
				t.Fatalf("got %v, %v", id, err)
			}
			if diff := cmp.Diff(&TokenError{Detail: test.detail, Expired: test.expired}, refused); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLeeway(t *testing.T) {
	tokens := newTokens(t, key1)
	token := forge(key1, hs256, fmt.Sprintf(`{"sub":"ann","exp":%d,"nbf":%d}`, now.Unix(), now.Unix()))
	for _, good := range []time.Duration{-Leeway, 0, Leeway - 1} {
		id, err := tokens.Verify(token, now.Add(good))
		if err != nil {
			t.Errorf("%v: %v", good, err)
		} else if id.Expired(now.Add(good)) {
			t.Errorf("%v: let in and expired at once", good)
		}
	}
	for _, bad := range []time.Duration{-Leeway - 1, Leeway} {
		if _, err := tokens.Verify(token, now.Add(bad)); err == nil {
			t.Errorf("%v: accepted", bad)
		}
	}
}

func TestSign(t *testing.T) {
	signer, other := newTokens(t, key1, key2), newTokens(t, key2, key1)
	claims := Claims{User: "ann", Capabilities: map[string]Op{"a:*": AllOps}, Channels: []pubsub.Channel{"b"}, ID: "j"}
	token, expires, err := signer.Sign(claims, 90*time.Second, now.Add(300*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	if want := now.Add(90 * time.Second); !expires.Equal(want) {
		t.Errorf("expires %v, want %v", expires, want)
	}
	id, err := other.Verify(token, now)
	if err != nil {
		t.Fatal(err)
	}
	if id.User != "ann" || id.TokenID != "j" || !id.May(AllOps, "a:1") || !id.May(Subscribe, "b") || !id.Expires.Equal(expires.Add(Leeway)) {
		t.Errorf("read back as %+v", id)
	}
	if _, err := newTokens(t, key2).Verify(token, now); err == nil {
		t.Error("the first key did not sign")
	}
}

func TestSignRefuses(t *testing.T) {
	tokens := newTokens(t, key1)
	if _, _, err := newTokens(t).Sign(Claims{User: "a"}, time.Hour, now); !errors.Is(err, ErrNoKeys) {
		t.Errorf("without keys: %v", err)
	}
	big := Claims{User: "a", Capabilities: make(map[string]Op)}
	for i := range MaxPatterns {
		big.Capabilities[fmt.Sprint(strings.Repeat("x", 100), i)] = AllOps
	}
	for _, test := range []struct {
		claims Claims
		ttl    time.Duration
		want   string
	}{
		{Claims{}, time.Hour, "bad claims: sub has 1 to 128 bytes, this one 0"},
		{Claims{User: "a"}, 0, "bad claims: a token lasts from 1s to 8784h0m0s, not 0s"},
		{Claims{User: "a"}, MaxTTL + 1, "bad claims: a token lasts from 1s to 8784h0m0s, not 8784h0m0.000000001s"},
		{big, time.Hour, "bad claims: the token would have 20"},
	} {
		_, _, err := tokens.Sign(test.claims, test.ttl, now)
		if !errors.Is(err, ErrClaims) || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("error %v, want %s", err, test.want)
		}
	}
}

func TestWithoutKeys(t *testing.T) {
	var refused *TokenError
	_, err := newTokens(t).Verify(forge("", hs256, payload(`,"sub":"ann"`)), now)
	if !errors.As(err, &refused) || refused.Detail != "no token keys are configured" {
		t.Errorf("error %v", err)
	}
	if _, err := NewTokens(TokenOptions{Keys: []Secret{NewSecret(key1), NewSecret("short")}}); err == nil ||
		err.Error() != "token key 2 has 5 bytes, at least 32 are needed" {
		t.Errorf("error %v", err)
	}
}

func TestTokensAllow(t *testing.T) {
	signed := forge(key1, hs256, payload(`,"sub":"ann"`))
	keys := []Secret{NewSecret(key1)}
	for _, test := range []struct {
		name string
		opts TokenOptions
		want Op // on news:1, for both
	}{
		{"closed", TokenOptions{Keys: keys}, 0},
		{"public", TokenOptions{Keys: keys, Anonymous: public}, Subscribe | History},
		{"everything", TokenOptions{Keys: keys, Everything: true}, AllOps},
	} {
		tokens, err := NewTokens(test.opts)
		if err != nil {
			t.Fatal(err)
		}
		ann, err := tokens.Verify(signed, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []*Identity{ann, tokens.Anonymous()} {
			for op := Subscribe; op <= Presence; op <<= 1 {
				if got, want := id.May(op, "news:1"), test.want&op != 0; got != want {
					t.Errorf("%s: user %q may %v: %v, want %v", test.name, id.User, op, got, want)
				}
			}
		}
	}
}

func FuzzVerify(f *testing.F) {
	tokens := newTokens(f, key1)
	f.Add(forge(key1, hs256, payload(`,"sub":"ann"`)), hs256, `{"sub":"a"}`)
	f.Add("a.b.c", `{"alg":"none"}`, payload(`,"sub":"ann","capabilities":{"*":["publish"]},"channels":["a"]`))
	f.Add("..", `{"alg":["HS256"]}`, `{"exp":1e999,"sub":{"a":[]}}`)
	f.Fuzz(func(t *testing.T, token, header, payload string) {
		if id, err := tokens.Verify(forge(key3, header, payload), now); err == nil {
			t.Errorf("let %v in with a foreign key", id)
		}
		for _, token := range []string{token, forge(key1, header, payload)} {
			id, err := tokens.Verify(token, now)
			if refused := (*TokenError)(nil); err != nil && !errors.As(err, &refused) {
				t.Errorf("%q: error %T", token, err)
			} else if err == nil && (id.User == "" || len(id.User) > MaxUser || id.Expired(now)) {
				t.Errorf("%q: got %+v", token, id)
			}
		}
	})
}
