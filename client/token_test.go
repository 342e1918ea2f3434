package client

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// An issuer gives tokens that live for a while, and notes why it was asked.
type issuer struct {
	s    *server
	life time.Duration

	mu   sync.Mutex
	asks []Reason
}

func (i *issuer) token(_ context.Context, why Reason) (string, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.asks = append(i.asks, why)
	return i.s.token(i.life), nil
}

func (i *issuer) asked() []Reason {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.asks)
}

func TestTokensAreReplacedBeforeTheyExpire(t *testing.T) {
	for _, only := range [][]Transport{{WebSocket}, {SSE}, {HTTPStream}, {LongPoll}} {
		t.Run(only[0].String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t)
				tokens := &issuer{s: s, life: 2 * time.Minute}
				var ends []State
				c := s.client("origin", Options{Transports: only, Token: tokens.token, OnState: func(st State) {
					if st.Status == Waiting {
						ends = append(ends, st)
					}
				}})
				sub, err := c.Subscribe(t.Context(), "private:a")
				if err != nil {
					t.Fatal(err)
				}
				published := make(chan struct{})
				go func() {
					defer close(published)
					s.publish("private:a", 1, 500, time.Second)
				}()
				l := &ledger{t: t}
				l.follow(sub, 500)
				<-published
				// Every 90 s within 500 s.
				want := []Reason{First, Expiring, Expiring, Expiring, Expiring, Expiring}
				if got := tokens.asked(); !slices.Equal(got, want) {
					t.Errorf("tokens were asked for as %v, expected %v", got, want)
				}
				c.Close()
				if len(ends) > 0 || len(l.gaps) > 0 {
					t.Errorf("connections ended: %v; gaps: %v", ends, l.gaps)
				}
			})
		})
	}
}

func TestTokensThatTheServerTakesForExpired(t *testing.T) {
	for _, only := range [][]Transport{{WebSocket}, {SSE}, {HTTPStream}, {LongPoll}, {Poll}} {
		t.Run(only[0].String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := serve(t)
				// The client's clock cannot tell: the first token is expired as it comes.
				var asked []Reason
				c := s.client("origin", Options{Transports: only, Token: func(_ context.Context, why Reason) (string, error) {
					if asked = append(asked, why); why == First {
						return s.token(-time.Hour), nil
					}
					return s.token(time.Hour), nil
				}})
				sub, err := c.Subscribe(t.Context(), "private:a")
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(asked, []Reason{First, Expired}) {
					t.Errorf("tokens were asked for as %v", asked)
				}
				s.publish("private:a", 1, 3, 0)
				(&ledger{t: t}).follow(sub, 3)
			})
		})
	}
}

func TestFixedTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		c := s.client("origin", Options{Token: FixedToken(s.token(time.Minute))})
		sub, err := c.Subscribe(t.Context(), "private:a")
		if err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_, err = sub.Next(t.Context())
		if no := (*Refused)(nil); !errors.As(err, &no) || no.Code != "token_expired" {
			t.Errorf("the subscription ended with %v", err)
		}
		if lived := time.Since(begin); lived < time.Minute || lived > 2*time.Minute {
			t.Errorf("it ended after %v", lived)
		}
		if _, err := c.Publish(t.Context(), "private:a", Publication{Event: "e"}); codeOf(err) != "token_expired" {
			t.Errorf("a publish with it: %v", err)
		}
	})
}

func TestTokenThatCannotBeHadIsAskedForAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		failures := 3
		c := s.client("origin", Options{Token: func(context.Context, Reason) (string, error) {
			if failures--; failures >= 0 {
				return "", errors.New("the backend is away")
			}
			return s.token(time.Hour), nil
		}})
		if _, err := c.Subscribe(t.Context(), "private:a"); err != nil {
			t.Error(err)
		}
	})
}

func TestExpiry(t *testing.T) {
	for jwt, want := range map[string]int64{
		"e30.eyJleHAiOjE4OTM0NTYwMDB9.x":    1893456000, // {"exp":1893456000}
		"e30.eyJleHAiOjE4OTM0NTYwMDAuNX0.x": 1893456000, // {"exp":1893456000.5}
		"e30.eyJzdWIiOiJhbm4ifQ.x":          0,          // {"sub":"ann"}
		"opaque":                            0,
		"a.b.c":                             0,
		"e30.eyJleHAiOi0xfQ.x":              0, // {"exp":-1}
		"e30.eyJleHAiOjFlMzAwfQ.x":          0, // {"exp":1e300}
		"e30.eyJleHAiOiIxODkzNDU2MDAwIn0.x": 0, // {"exp":"1893456000"}
		"e30.eyJleHAiOjE4OTM0NTYwMDB9":      0, // no signature
	} {
		at, ok := expiry(jwt)
		if ok != (want > 0) || ok && at.Unix() != want {
			t.Errorf("%s expires at %v, %v", jwt, at.Unix(), ok)
		}
	}
}
