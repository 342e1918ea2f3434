package client

import (
	"errors"
	"strconv"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

var errGranted = errors.New("client: the channels of the token can be subscribed to only while nothing else is")

// subscribe adds a subscription, and tells when the server has confirmed its first channel.
func (s *session) subscribe(sub *Subscription, cursor pubsub.Cursor, confirmed chan<- error) {
	if err := s.mayAdd(cursor); err != nil {
		sub.fail(err)
		confirmed <- err
		return
	}
	s.waiting[sub] = confirmed
	if len(cursor) == 0 {
		s.granted = sub
		return
	}
	for _, mark := range cursor {
		s.follows[mark.Channel] = &follow{channel: mark.Channel, sub: sub, place: place{mark.Start}, muted: true}
	}
}

func (s *session) mayAdd(cursor pubsub.Cursor) error {
	if len(cursor) == 0 {
		if len(s.follows) > 0 || s.granted != nil {
			return errGranted
		}
		return nil
	}
	for i, mark := range cursor {
		if _, twice := cursor[:i].Find(mark.Channel); twice || s.follows[mark.Channel] != nil {
			return ErrSubscribed
		}
	}
	n := len(s.follows) + len(cursor)
	if n > wire.MaxChannels || n > maxStreamed && s.line != nil && s.line.transport != WebSocket {
		return ErrTooManyChannels
	}
	return nil
}

// unsubscribe forgets a subscription. The line is told by reconcile.
func (s *session) unsubscribe(sub *Subscription) {
	for name, f := range s.follows {
		if f.sub == sub {
			delete(s.follows, name)
		}
	}
	if s.granted == sub {
		s.granted = nil
	}
	if s.stalled != nil && s.stalled.follow.sub == sub {
		s.stalled = nil
	}
	delete(s.waiting, sub)
}

// confirm tells who waits for it that the channel's subscription has begun.
func (s *session) confirm(f *follow) {
	if confirmed, ok := s.waiting[f.sub]; ok {
		for _, other := range s.follows {
			if other.sub == f.sub && !other.begun {
				return
			}
		}
		delete(s.waiting, f.sub)
		confirmed <- nil
	}
}

// begin takes the positions that a stream or poll begins with.
func (s *session) begin(cursor pubsub.Cursor) {
	for _, mark := range cursor {
		if f := s.following(mark.Channel); f != nil && mark.Start.Resume {
			f.begin(mark.Start.Pos)
			f.sub.begin(mark.Channel, mark.Start.Pos)
		}
	}
	for name := range s.line.channels {
		if f := s.follows[name]; f != nil {
			f.begun = true
		}
	}
	for _, f := range s.follows {
		s.confirm(f)
	}
}

// subscribed takes that a WebSocket carries a channel.
func (s *session) subscribed(e *raw.Event) {
	delete(s.pending, string(e.Ref))
	s.line.channels[e.Channel] = true
	f := s.following(e.Channel)
	if f == nil {
		return // reconcile takes it off the line
	}
	f.begin(e.Pos)
	f.sub.begin(e.Channel, e.Pos)
	f.muted, f.begun = f.behind, true
	s.confirm(f)
}

// following returns the follow of a channel that the line carries. One that nobody asked for
// is of the token.
func (s *session) following(c pubsub.Channel) *follow {
	f := s.follows[c]
	if f == nil && s.granted != nil {
		f = &follow{channel: c, sub: s.granted, begun: true}
		s.follows[c] = f
		s.line.channels[c] = true
	}
	return f
}

// reconcile makes the line carry what is followed, under the token that is good.
func (s *session) reconcile(now time.Time) {
	if s.line.transport == WebSocket {
		s.command()
		return
	}
	if len(s.tries) > 0 || !s.due.renew.IsZero() || len(s.follows) == 0 || s.fits() {
		return
	}
	// A stream carries what it was opened with: another takes over.
	s.open(s.line.transport, now)
	s.due.budget = now.Add(openTimeout)
}

// fits reports whether the line carries what is followed, and nothing else.
func (s *session) fits() bool {
	wanted := 0
	for name, f := range s.follows {
		switch {
		case f.behind:
		case !s.line.channels[name], f.muted:
			return false
		default:
			wanted++
		}
	}
	return wanted == 0 || wanted == len(s.line.channels) && s.line.token == s.token
}

// command sends what a WebSocket has to be told.
func (s *session) command() {
	if s.line.token != s.token {
		s.line.token = s.token
		s.send(wire.Command{Type: wire.Refresh, Token: s.token})
	}
	for name := range s.line.channels {
		if f := s.follows[name]; f == nil || f.behind {
			delete(s.line.channels, name)
			s.send(wire.Command{Type: wire.Unsubscribe, Channel: name})
		}
	}
	if !s.due.renew.IsZero() {
		return // a subscription failed a moment ago
	}
	for name, f := range s.follows {
		if !f.behind && !s.line.channels[name] {
			s.line.channels[name] = true
			s.send(wire.Command{Type: wire.Subscribe, Channel: name, Since: f.start})
		}
	}
}

// send sends a command. What goes wrong with it is seen by whoever reads the line.
func (s *session) send(c wire.Command) {
	s.refs++
	// The line's own connect has 1.
	c.Ref = wire.Ref(strconv.FormatUint(s.refs+1, 10))
	s.pending[string(c.Ref)] = c.Channel
	s.line.line.Send(c)
}

// commandFailed takes that the server did not obey.
func (s *session) commandFailed(e *raw.Event, now time.Time) {
	channel, ours := s.pending[string(e.Ref)]
	if !ours {
		return
	}
	delete(s.pending, string(e.Ref))
	no := &Refused{Code: e.Code, Detail: e.Detail, Channel: string(channel)}
	switch {
	case channel == "":
		s.lost(no, now.Sub(s.line.welcomed), now) // the refresh
	case no.Final():
		delete(s.line.channels, channel)
		s.fail(channel, no)
	default:
		delete(s.line.channels, channel)
		s.due.renew = now.Add(s.backoff.next())
	}
}
