package client

import (
	"errors"
	"time"
)

// fetched is a token, or why there is none.
type fetched struct {
	jwt   string
	renew time.Time // when to get another; zero: never
	err   error
}

// fetch asks for a token, which may take its time. refused is one that the server took for
// expired.
func (s *session) fetch(refused string) {
	if s.fetching {
		return
	}
	s.fetching = true
	s.carriers.Go(func() {
		var f fetched
		f.jwt, f.renew, f.err = s.client.tokens.get(s.ctx, refused)
		select {
		case s.reports <- report{token: &f}:
		case <-s.ctx.Done():
		}
	})
}

// fetched takes a token. A line goes on with it, see reconcile.
func (s *session) fetched(f *fetched, now time.Time) {
	s.fetching = false
	no := (*Refused)(nil)
	switch {
	case f.err == nil:
		s.token, s.due.token = f.jwt, f.renew
		if s.wanted() && s.line == nil && len(s.tries) == 0 && s.due.retry.IsZero() {
			s.stages = s.ladder.stages(now)
			s.climb(now)
		}
	case s.line != nil:
		s.due.token = now.Add(renewAgain) // the line lives until the server ends it
	case errors.As(f.err, &no) && no.Final():
		s.failAll(f.err)
	default:
		s.retry(f.err, s.backoff.next(), now)
	}
}
