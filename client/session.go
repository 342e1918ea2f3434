package client

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	answerBudget  = 2500 * time.Millisecond // for the first word on a connection, until others are tried
	betterGrace   = 250 * time.Millisecond  // for a better transport that is asked at the same time
	stallPatience = time.Second             // of the others for a subscription that takes nothing
)

// A session is the connection of a client, over all its lines. One goroutine owns everything
// but the channels, state and what stop closes; callers hand it functions.
type session struct {
	client   *Client
	calls    chan func(*session)
	reports  chan report
	wake     chan struct{} // a subscription that was full has room
	done     chan struct{} // closed when everything has ended
	ctx      context.Context
	stop     context.CancelFunc
	carriers sync.WaitGroup

	stateMu sync.Mutex
	state   State

	ladder  ladder
	backoff backoff

	follows map[pubsub.Channel]*follow
	granted *Subscription                  // takes the channels of the token; nil: nobody does
	waiting map[*Subscription]chan<- error // for the first confirmation
	stalled *stall

	line   *carrier   // gives events; nil: none
	tries  []*carrier // are being opened
	held   *carrier   // of tries: welcomed, waits for a better one
	stages [][]Transport
	due    deadlines

	fetching bool   // a token is asked for
	token    string // that the next line shows
	refused  string // a token that the server took for expired
	again    bool   // a new token was fetched for that, and no line was open since
	lastErr  error  // of a try in this round

	refs    uint64
	pending map[string]pubsub.Channel // commands under way, by ref
}

// deadlines of the session; a zero one is none.
type deadlines struct {
	retry  time.Time // connect again
	budget time.Time // of the tries
	held   time.Time // the held one is taken
	renew  time.Time // replace the line, after that failed
	token  time.Time // get another token
	stall  time.Time // leave a full subscription behind
}

// A follow is a channel and the subscription that it belongs to.
type follow struct {
	channel pubsub.Channel
	sub     *Subscription
	place
	begun  bool // the server has confirmed it once
	muted  bool // what the line brings is not given: it is to be read from the log
	behind bool // until everything was taken
}

// A stall is an event for which there is no room.
type stall struct {
	follow *follow
	event  Event
	to     pubsub.Position
}

func newSession(c *Client) *session {
	s := &session{
		client: c, calls: make(chan func(*session)), reports: make(chan report),
		wake: make(chan struct{}, 1), done: make(chan struct{}),
		ladder:  newLadder(c.options.Transports),
		follows: make(map[pubsub.Channel]*follow), waiting: make(map[*Subscription]chan<- error),
		pending: make(map[string]pubsub.Channel),
		state:   State{Status: Idle},
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// do has the session call f.
func (s *session) do(f func(*session)) error {
	called := make(chan struct{})
	select {
	case s.calls <- func(s *session) { f(s); close(called) }:
		<-called
		return nil
	case <-s.done:
		return ErrClosed
	}
}

// drained tells that a subscription has room again.
func (s *session) drained() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *session) run() {
	defer close(s.done)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for s.ctx.Err() == nil {
		s.arrange(time.Now())
		timer.Reset(s.next(time.Now()))
		reports := s.reports
		if s.stalled != nil {
			reports = nil // reads no further
		}
		select {
		case f := <-s.calls:
			f(s)
		case r := <-reports:
			s.report(r, time.Now())
		case <-s.wake:
			s.room()
		case <-timer.C:
		case <-s.ctx.Done():
		}
	}
	s.disconnect()
	s.carriers.Wait()
	s.failAll(ErrClosed)
	s.setState(State{Status: Closed})
}

// next returns the time until the next deadline.
func (s *session) next(now time.Time) time.Duration {
	d := &s.due
	all := []time.Time{d.budget, d.held, d.stall}
	switch {
	case s.line != nil && len(s.tries) == 0:
		all = append(all, d.renew, d.token, s.ladder.probe)
	case s.line != nil:
		all = append(all, d.renew, d.token)
	case len(s.tries) == 0 && !s.fetching:
		all = append(all, d.retry)
	}
	first := now.Add(time.Hour)
	for _, at := range all {
		if !at.IsZero() && at.Before(first) {
			first = at
		}
	}
	return first.Sub(now)
}

// over reports whether a deadline has passed, and clears it then.
func over(at *time.Time, now time.Time) bool {
	if at.IsZero() || now.Before(*at) {
		return false
	}
	*at = time.Time{}
	return true
}

// arrange does what there is to do at this moment. Every change is followed by it.
func (s *session) arrange(now time.Time) {
	if !s.wanted() {
		s.disconnect()
		s.due = deadlines{}
		s.setState(State{Status: Idle})
		return
	}
	switch {
	case s.stalled == nil || !s.others(s.stalled.follow.sub):
		s.due.stall = time.Time{}
	case s.due.stall.IsZero():
		s.due.stall = now.Add(stallPatience)
	case over(&s.due.stall, now):
		s.leaveBehind()
	}
	if over(&s.due.held, now) && s.held != nil {
		s.take(s.held, now)
	}
	if over(&s.due.budget, now) {
		s.outOfBudget(now)
	}
	over(&s.due.renew, now)
	switch {
	case s.line != nil:
		s.tend(now)
	case len(s.tries) > 0 || s.fetching:
	case over(&s.due.retry, now) || s.due.retry.IsZero():
		s.connect(now)
	}
}

// wanted reports whether there is anything to be connected for.
func (s *session) wanted() bool { return len(s.follows) > 0 || s.granted != nil }

// tend looks after the line.
func (s *session) tend(now time.Time) {
	if over(&s.due.token, now) {
		s.fetch("")
	}
	s.reconcile(now)
	if s.line != nil && len(s.tries) == 0 && over(&s.ladder.probe, now) {
		for _, t := range s.fitting(s.ladder.better(now)) {
			s.open(t, now)
		}
		s.due.budget = now.Add(answerBudget)
		if len(s.tries) == 0 {
			s.due.budget = time.Time{}
			s.ladder.probed(now)
		}
	}
}

// report takes what a goroutine of the session tells.
func (s *session) report(r report, now time.Time) {
	switch {
	case r.token != nil:
		s.fetched(r.token, now)
	case r.from == s.line && r.err != nil:
		s.ladder.ended(r.from.transport, r.err, now.Sub(r.from.welcomed), r.from.heard, now)
		s.lost(r.err, now.Sub(r.from.welcomed), now)
	case r.from == s.line:
		s.event(&r.event, now)
	case !slices.Contains(s.tries, r.from):
	case r.err != nil:
		s.tried(r.from, r.err, now)
	default:
		r.from.line, r.from.welcome, r.from.welcomed = r.line, r.event, now
		s.welcomed(r.from, now)
	}
}

// event takes what the line brings.
func (s *session) event(e *raw.Event, now time.Time) {
	switch {
	case e.Message != nil:
		s.message(e.Message, now)
	case e.Gap != nil:
		s.gap(e.Gap)
	case e.Type == raw.Heartbeat:
		s.line.heard = true
	case e.Type == raw.Subscribed:
		s.subscribed(e)
	case e.Type == raw.Unsubscribed:
		delete(s.line.channels, e.Channel)
		s.fail(e.Channel, &Refused{Code: e.Code, Detail: "the server ended the subscription", Channel: string(e.Channel)})
	case e.Type == raw.Failed && e.Ref != "":
		s.commandFailed(e, now)
	case e.Type == "ok":
		delete(s.pending, string(e.Ref))
	}
}

func (s *session) message(m *Message, now time.Time) {
	f := s.follows[m.Channel]
	if f == nil || f.muted {
		return
	}
	fresh, err := f.message(m)
	switch {
	case err != nil:
		s.ladder.ended(s.line.transport, err, now.Sub(s.line.welcomed), s.line.heard, now)
		s.lost(err, now.Sub(s.line.welcomed), now)
	case fresh:
		s.give(f, Event{Message: m}, m.Pos)
	}
}

func (s *session) gap(g *Gap) {
	f := s.follows[g.Channel]
	if f == nil || f.muted {
		return
	}
	mine, missing := f.gap(g)
	if !missing {
		return
	}
	for _, c := range s.tries {
		c.outdated = true
	}
	s.give(f, Event{Gap: mine}, g.To)
}

// give moves a channel behind an event that its subscription has.
func (s *session) give(f *follow, e Event, to pubsub.Position) {
	if !f.sub.offer(e) {
		s.stalled = &stall{f, e, to}
		return
	}
	f.start = pubsub.Behind(to)
}

// room goes on behind what stalled, and catches up for those who have taken everything.
func (s *session) room() {
	if s.stalled != nil && s.stalled.follow.sub.offer(s.stalled.event) {
		s.stalled.follow.start = pubsub.Behind(s.stalled.to)
		s.stalled = nil
	}
	for _, f := range s.follows {
		if f.behind && f.sub.empty() {
			f.behind = false
		}
	}
}

// others reports whether anything else than sub is subscribed.
func (s *session) others(sub *Subscription) bool {
	for _, f := range s.follows {
		if f.sub != sub {
			return true
		}
	}
	return false
}

// leaveBehind lets the line go on without the subscription that takes nothing: it is read from
// the log once everything was taken.
func (s *session) leaveBehind() {
	sub := s.stalled.follow.sub
	s.stalled = nil
	for _, f := range s.follows {
		if f.sub == sub {
			f.muted, f.behind = true, true
		}
	}
	if sub.empty() {
		s.drained()
	}
}

// setState tells of a change.
func (s *session) setState(next State) {
	s.stateMu.Lock()
	was := s.state
	s.state = next
	s.stateMu.Unlock()
	if was.Status != next.Status || next.Status == Waiting || was.Transport != next.Transport || was.Client != next.Client {
		s.client.options.OnState(next)
	}
}

// failAll ends every subscription.
func (s *session) failAll(err error) {
	for _, f := range s.follows {
		f.sub.fail(err)
	}
	if s.granted != nil {
		s.granted.fail(err)
	}
	for _, confirmed := range s.waiting {
		confirmed <- err
	}
	clear(s.follows)
	clear(s.waiting)
	s.granted, s.stalled = nil, nil
}

// fail ends the subscription that a channel belongs to.
func (s *session) fail(c pubsub.Channel, err error) {
	f := s.follows[c]
	if f == nil {
		return
	}
	f.sub.fail(err)
	if confirmed, ok := s.waiting[f.sub]; ok {
		confirmed <- err
	}
	s.unsubscribe(f.sub)
}
