package auth

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Whatever holds a secret is printed in every usual way, and the secret is looked for.
func TestNothingPrintsSecrets(t *testing.T) {
	tokens := newTokens(t, key1, key2)
	keys := NewKeys([]Secret{NewSecret(key1)})
	sum := []byte(keys.sums[0].Reveal())
	type holder struct {
		Secret  Secret
		hidden  Secret
		list    []Secret
		byName  map[string]Secret
		keys    *Keys
		tokens  *Tokens
		options TokenOptions
	}
	h := holder{NewSecret(key1), NewSecret(key1), []Secret{NewSecret(key1)}, map[string]Secret{"a": NewSecret(key1)}, keys, tokens, tokens.opts}
	for _, v := range []any{NewSecret(key1), tokens, keys, h, &h, []any{h}, tokens.opts, []Secret{NewSecret(key1)}} {
		var out bytes.Buffer
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		slog.New(slog.NewTextHandler(&out, nil)).Info("text", "v", v, slog.Group("g", "v", v))
		slog.New(slog.NewJSONHandler(&out, nil)).Info("json", "v", v, slog.Group("g", "v", v))
		if b, err := json.Marshal(v); err == nil {
			out.Write(b)
		}
		for _, secret := range []string{key1, key1[:8], key2[:8], fmt.Sprintf("%x", key1[:8]), fmt.Sprint([]byte(key1[:8]))[1:20], fmt.Sprintf("%x", sum[:4]), strings.Trim(fmt.Sprint(sum[:4]), "[]")} {
			if strings.Contains(out.String(), secret) {
				t.Errorf("%T: %q is printed in\n%.2000s", v, secret, out.String())
			}
		}
	}
}

func TestSecret(t *testing.T) {
	s := NewSecret("abc")
	if s.Reveal() != "abc" || s.Len() != 3 || (Secret{}).Reveal() != "" || (Secret{}).Len() != 0 {
		t.Error("the text is another one")
	}
	if !s.Equal(NewSecret("abc")) || s.Equal(NewSecret("abd")) || s.Equal(Secret{}) || !(Secret{}).Equal(NewSecret("")) {
		t.Error("Equal is wrong")
	}
	if got := fmt.Sprint(s); got != "[redacted]" {
		t.Errorf("printed as %s", got)
	}
}
