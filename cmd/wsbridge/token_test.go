package main

import (
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
)

func TestToken(t *testing.T) {
	out := must(t, keys, "token", "ann", "--can", "chat:*=publish,history", "--can", "news=subscribe", "--channel=chat:1", "--ttl=10m")
	verifier, err := auth.NewTokens(auth.TokenOptions{Keys: []auth.Secret{auth.NewSecret(testTokenKey)}})
	if err != nil {
		t.Fatal(err)
	}
	id, err := verifier.Verify(strings.TrimSpace(out), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if id.User != "ann" || !id.May(auth.Publish|auth.History, "chat:7") || id.May(auth.Presence, "chat:7") || !id.May(auth.Subscribe, "news") {
		t.Errorf("the token says %+v", id)
	}
	if left := time.Until(id.Expires); left > 11*time.Minute || left < 9*time.Minute {
		t.Errorf("it lasts for %v", left)
	}
}

func TestTokenNeedsAKeyAndSense(t *testing.T) {
	for says, run := range map[string][]string{
		"no token keys are configured":     {"token", "ann"},
		`"fly" is no operation`:            {"token", "ann", "--can", "a=fly", "--token-keys=" + testTokenKey},
		"a token lasts from 1s":            {"token", "ann", "--ttl=0s", "--token-keys=" + testTokenKey},
		"channels: bad channel name":       {"token", "ann", "--channel", "a b", "--token-keys=" + testTokenKey},
		"--token-keys: ":                   {"token", "ann", "--token-keys=short"},
		"sub has 1 to 128 bytes, this one": {"token", "", "--token-keys=" + testTokenKey},
	} {
		if status, out, err := command(t, nil, run...); status != 1 || out != "" || !strings.Contains(err, says) {
			t.Errorf("%v: status %d, expected %q\n%s%s", run, status, says, out, err)
		}
	}
}
