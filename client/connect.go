package client

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// connect begins a round of tries.
func (s *session) connect(now time.Time) {
	s.setState(State{Status: Connecting})
	s.lastErr = nil
	if s.client.tokens.ask != nil {
		s.fetch(s.refused) // climbs when it is there
		return
	}
	s.stages = s.ladder.stages(now)
	s.climb(now)
}

// climb tries the next stage. Behind the last one the round is over, when no try is left.
func (s *session) climb(now time.Time) {
	for len(s.stages) > 0 {
		stage := s.fitting(s.stages[0])
		s.stages = s.stages[1:]
		for _, t := range stage {
			s.open(t, now)
		}
		if len(stage) > 0 {
			s.due.budget = now.Add(answerBudget)
			return
		}
	}
	if len(s.tries) > 0 {
		return
	}
	if s.lastErr == nil {
		s.failAll(ErrTooManyChannels)
		return
	}
	s.lost(s.lastErr, 0, now)
}

// maxStreamed is how many channels the transports beside WebSocket carry.
const maxStreamed = 100

// fitting leaves out the transports that cannot carry all channels.
func (s *session) fitting(transports []Transport) []Transport {
	if len(s.follows) <= maxStreamed {
		return transports
	}
	return slices.DeleteFunc(slices.Clone(transports), func(t Transport) bool { return t != WebSocket })
}

// open begins a try, from where the channels stand now.
func (s *session) open(t Transport, now time.Time) {
	o := s.client.raw
	o.Transport, o.Token, o.Wait = t, s.token, s.ladder.hold
	c := &carrier{transport: t, token: s.token, channels: make(map[pubsub.Channel]bool), live: make(chan struct{})}
	for name, f := range s.follows {
		if f.behind {
			continue
		}
		c.channels[name] = true
		o.Channels = append(o.Channels, name)
		o.Cursor = append(o.Cursor, pubsub.Mark{Channel: name, Start: f.start})
	}
	ctx, cancel := context.WithCancel(s.ctx)
	c.cancel = cancel
	s.tries = append(s.tries, c)
	s.carriers.Go(func() { c.run(ctx, o, s.reports) })
}

// tried takes that a try failed.
func (s *session) tried(c *carrier, err error, now time.Time) {
	s.drop(c)
	s.lastErr = err
	switch {
	case s.line != nil && decisive(c.transport, err):
		s.refusedMeanwhile(err, now)
	case s.line != nil:
		if len(s.tries) == 0 {
			s.notReplaced(now)
		}
	case decisive(c.transport, err):
		s.lost(err, 0, now)
	case s.held != nil && !s.betterTried(s.held):
		s.take(s.held, now)
	case len(s.tries) == 0:
		s.climb(now)
	}
}

// refusedMeanwhile takes that the server refused what was to replace the line.
func (s *session) refusedMeanwhile(err error, now time.Time) {
	no := (*Refused)(nil)
	switch {
	case expired(err):
		s.refused = s.token
		s.fetch(s.refused)
		fallthrough
	default:
		s.notReplaced(now)
	case errors.As(err, &no) && no.Final():
		if s.follows[pubsub.Channel(no.Channel)] != nil {
			s.fail(pubsub.Channel(no.Channel), err)
		} else {
			s.lost(err, 0, now)
		}
	}
}

// notReplaced takes that the line could not be replaced, and goes on with it.
func (s *session) notReplaced(now time.Time) {
	s.due.budget = time.Time{}
	s.due.renew = now.Add(s.backoff.next())
	s.ladder.probed(now)
}

// outOfBudget takes that the tries have not answered in time.
func (s *session) outOfBudget(now time.Time) {
	if s.line == nil {
		s.climb(now)
		return
	}
	for len(s.tries) > 0 {
		s.drop(s.tries[0])
	}
	s.notReplaced(now)
}

// welcomed takes that a try was successful.
func (s *session) welcomed(c *carrier, now time.Time) {
	until := now.Add(betterGrace)
	if s.held != nil {
		if s.held.transport < c.transport {
			s.drop(c)
			return
		}
		until = s.due.held
		s.drop(s.held)
	}
	if s.betterTried(c) {
		// They were asked at the same time, so the better one may be a moment away.
		s.held, s.due.held = c, until
		return
	}
	s.take(c, now)
}

func (s *session) betterTried(than *carrier) bool {
	return slices.ContainsFunc(s.tries, func(try *carrier) bool { return try.transport < than.transport })
}

// take makes a try the line. What it brings begins behind where the channels stood when it was
// opened, so nothing is missing; what came over the old line meanwhile is dropped by position.
func (s *session) take(c *carrier, now time.Time) {
	if c.outdated {
		s.drop(c)
		return // it is tried again, if it is still needed
	}
	old := s.line
	s.tries = slices.DeleteFunc(s.tries, func(try *carrier) bool { return try == c })
	s.disconnect()
	s.line = c
	s.lastErr, s.again = nil, false
	if old != nil {
		s.backoff = backoff{}
	}
	if old == nil || old.transport != c.transport {
		s.ladder.worked(c.transport, now)
	}
	for name := range c.channels {
		if f := s.follows[name]; f != nil {
			f.muted = f.behind
		}
	}
	if c.transport != WebSocket {
		s.begin(c.welcome.Cursor)
	}
	close(c.live)
	s.setState(State{Status: Connected, Transport: c.transport, Client: c.welcome.Client, User: c.welcome.User})
}

// lost takes that there is no line any more, and decides what follows.
func (s *session) lost(err error, lived time.Duration, now time.Time) {
	token := s.token
	s.disconnect()
	no := (*Refused)(nil)
	if errors.As(err, &no) && no.Final() && s.follows[pubsub.Channel(no.Channel)] != nil {
		s.fail(pubsub.Channel(no.Channel), err)
		return // the others connect without it
	}
	if expired(err) && s.client.tokens.ask != nil {
		s.refused = token
		wait := time.Duration(0)
		if s.again {
			wait = s.backoff.next()
		}
		s.again = true
		s.retry(err, wait, now)
		return
	}
	wait, final := s.backoff.after(err, lived)
	if final {
		s.failAll(err)
		return
	}
	s.retry(err, wait, now)
}

// retry connects again after a while.
func (s *session) retry(err error, wait time.Duration, now time.Time) {
	s.due.retry = now.Add(wait)
	s.setState(State{Status: Waiting, Err: err, Retry: wait})
}

// disconnect ends the line and all tries.
func (s *session) disconnect() {
	for len(s.tries) > 0 {
		s.drop(s.tries[0])
	}
	if s.line != nil {
		s.line.cancel()
	}
	s.line, s.held, s.stages = nil, nil, nil
	s.due.budget, s.due.held, s.due.renew = time.Time{}, time.Time{}, time.Time{}
	clear(s.pending)
}

// drop ends a try.
func (s *session) drop(c *carrier) {
	c.cancel()
	s.tries = slices.DeleteFunc(s.tries, func(try *carrier) bool { return try == c })
	if s.held == c {
		s.held, s.due.held = nil, time.Time{}
	}
}
