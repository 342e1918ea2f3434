package client

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// A Reason is why a token is needed.
type Reason string

const (
	First    Reason = "first"    // there was none before
	Expiring Reason = "expiring" // the last one will expire soon
	Expired  Reason = "expired"  // the server took the last one for expired
)

// FixedToken is for [Options.Token] when there is but one token: once it has expired, so has
// the client.
func FixedToken(jwt string) func(context.Context, Reason) (string, error) {
	return func(_ context.Context, why Reason) (string, error) {
		if why == Expired {
			return "", errTokenOver
		}
		return jwt, nil
	}
}

// errTokenOver says that there is no other token.
var errTokenOver = &Refused{Code: "token_expired", Detail: "the token has expired, and there is no other"}

// tokens keeps the token until it expires. One caller at a time asks for another.
type tokens struct {
	ask  func(context.Context, Reason) (string, error) // nil: anonymous
	turn chan struct{}                                 // holds one; owns what follows

	jwt   string
	renew time.Time // when to ask for another; zero: never
	stale bool      // the server took it for expired
}

func newTokens(ask func(context.Context, Reason) (string, error)) *tokens {
	t := &tokens{ask: ask, turn: make(chan struct{}, 1)}
	t.turn <- struct{}{}
	return t
}

// get returns a token that is good for a while, and when to get another. refused is one that
// the server took for expired, if there is.
func (t *tokens) get(ctx context.Context, refused string) (jwt string, renew time.Time, err error) {
	if t.ask == nil {
		return "", time.Time{}, nil
	}
	select {
	case <-t.turn:
		defer func() { t.turn <- struct{}{} }()
	case <-ctx.Done():
		return "", time.Time{}, ctx.Err()
	}
	why := First
	switch {
	case t.jwt == "":
	case t.stale, t.jwt == refused:
		why, t.stale = Expired, true
	case !t.renew.IsZero() && !time.Now().Before(t.renew):
		why = Expiring
	default:
		return t.jwt, t.renew, nil
	}
	jwt, err = t.ask(ctx, why)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("client: no token: %w", err)
	}
	if jwt == "" {
		return "", time.Time{}, errors.New("client: no token: it is empty")
	}
	t.jwt, t.stale, t.renew = jwt, false, time.Time{}
	if expires, ok := expiry(jwt); ok {
		left := time.Until(expires)
		t.renew = expires.Add(-min(renewBefore, max(left/5, 0)))
		if why == Expiring && left < renewBefore {
			// The same one again, or one as short: not sooner than that.
			t.renew = time.Now().Add(max(left, renewAgain))
		}
	}
	return t.jwt, t.renew, nil
}

const (
	renewBefore = 30 * time.Second // ahead of its end a token is replaced; a fifth of its life if that is less
	renewAgain  = 5 * time.Second  // between two questions for a token
)

// expiry reads exp of a JWT (RFC 7519, section 4.1.4), which is the server's to verify.
func expiry(jwt string) (time.Time, bool) {
	_, rest, _ := strings.Cut(jwt, ".")
	claims, _, ok := strings.Cut(rest, ".")
	if !ok {
		return time.Time{}, false
	}
	text, err := base64.RawURLEncoding.DecodeString(claims)
	if err != nil {
		return time.Time{}, false
	}
	var c struct{ Exp float64 }
	if json.Unmarshal(text, &c) != nil || c.Exp <= 0 || c.Exp > 1<<40 {
		return time.Time{}, false
	}
	return time.UnixMilli(int64(c.Exp * 1000)), true
}
