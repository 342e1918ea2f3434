package main

import (
	"errors"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/transport"
)

func TestAuthenticate(t *testing.T) {
	tokens, err := auth.NewTokens(auth.TokenOptions{
		Keys:      []auth.Secret{auth.NewSecret(testTokenKey)},
		Anonymous: func(namespace string) auth.Op { return map[string]auth.Op{"news": auth.Subscribe}[namespace] },
	})
	if err != nil {
		t.Fatal(err)
	}
	verify := authenticate(tokens)
	claims := auth.Claims{User: "ann", Capabilities: map[string]auth.Op{"chat:*": auth.Publish | auth.Presence}}
	now := time.Now()
	good, expires, err := tokens.Sign(claims, time.Hour, now)
	if err != nil {
		t.Fatal(err)
	}
	old, _, err := tokens.Sign(claims, time.Hour, now.Add(-2*time.Hour))
	if err != nil {
		t.Fatal(err)
	}

	nobody, err := verify("")
	if err != nil || nobody.User != "" || !nobody.May(transport.Subscribe, "news:1") || nobody.May(transport.Publish, "news:1") {
		t.Errorf("without a token: %+v, %v", nobody, err)
	}
	ann, err := verify(good)
	if err != nil || ann.User != "ann" || ann.Expires.Before(expires) {
		t.Errorf("with a good token: %+v, %v", ann, err)
	}
	for op, want := range map[transport.Operation]bool{
		transport.Subscribe: false, transport.Publish: true, transport.History: false, transport.Presence: true,
	} {
		if ann.May(op, "chat:1") != want {
			t.Errorf("ann may %v: %v", op, !want)
		}
	}
	if _, err := verify(old); !errors.Is(err, transport.ErrTokenExpired) {
		t.Errorf("with an expired token: %v", err)
	}
	if _, err := verify(good + "x"); !errors.Is(err, transport.ErrTokenInvalid) || errors.Is(err, transport.ErrTokenExpired) {
		t.Errorf("with a forged token: %v", err)
	}
}
