package chaos

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/test/chaos/ledger"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A habit is what a subscriber does while a fault lasts. Before and after, all of them change
// their transport every moment.
type habit int

const (
	stays  habit = iota // on its transport
	roams               // goes on changing
	hops                // goes on changing, each time straight to another instance
	sleeps              // goes away, and comes back when it is over
)

// A subscriber is a client of all channels. It opens one line after the other, each of
// another transport, by the strict client that takes nothing the protocol does not allow.
type subscriber struct {
	run   *run
	name  string
	habit habit
	home  raw.Transport
	token string
	book  *ledger.Subscriber
	rng   *rand.Rand

	// Owned by its goroutine.
	cursor   pubsub.Cursor  // empty: it is new
	last     raw.Transport  // of its last line
	instance int            // that it hopped to
	ends     map[string]int // why lines ended other than by itself

	changes atomic.Int64 // of transport
	lines   atomic.Int64 // opened so far
	doing   atomic.Value // what it does, in words
	settled atomic.Bool  // does for a while what its habit is
}

func (r *run) subscriber(name string, h habit, home raw.Transport) *subscriber {
	return &subscriber{
		run: r, name: name, habit: h, home: home, token: r.token,
		book: r.ledger.Subscriber(name, h == stays || h == sleeps), rng: r.random(name), ends: make(map[string]int),
	}
}

// subscribe keeps a line open until ctx ends.
func (s *subscriber) subscribe(ctx context.Context) {
	s.last = raw.Transport(s.rng.IntN(len(raw.Transports())))
	for ctx.Err() == nil {
		mood := s.run.mood.Load()
		next := s.another(s.last)
		stay := mood.kind == resting
		if mood.kind == settled {
			switch s.habit {
			case stays:
				next, stay = s.home, true
			case sleeps:
				s.sleep(mood)
				stay = true
			}
		}
		if err := s.line(ctx, mood, next, stay); err != nil {
			s.ended(err)
			sleep(ctx, 50*time.Millisecond+draw(s.rng, 250*time.Millisecond))
		}
	}
}

// sleep stays away until the subscriber is woken.
func (s *subscriber) sleep(mood *mood) {
	if mood.woken.Err() != nil {
		return
	}
	s.book.Sleeps()
	s.settled.Store(true)
	<-mood.woken.Done()
	s.settled.Store(false)
	s.book.Woke(time.Now())
}

// line opens a line, notes what comes, and leaves after a moment or, to stay, when the mood
// ends. The error is why it could not be opened, or ended by itself.
func (s *subscriber) line(ctx context.Context, mood *mood, transport raw.Transport, stay bool) error {
	begin := time.Now()
	l, err := s.open(ctx, transport)
	if err != nil {
		return err
	}
	s.lines.Add(1)
	if transport != s.last {
		s.changes.Add(1)
		s.last = transport
	}
	var moment time.Duration
	if !stay {
		// In relation to what opening took: on a slow machine, too, more should come than goes.
		moment = 20*time.Millisecond + draw(s.rng, 250*time.Millisecond+2*time.Since(begin))
	}
	s.settled.Store(mood.kind == settled)
	err = s.follow(ctx, l, mood, moment)
	s.settled.Store(false)
	s.cursor = l.Cursor()
	if err == nil && s.rng.IntN(2) == 0 {
		l.Close()
	} else {
		l.CloseNow()
	}
	return err
}

// another returns any transport but one.
func (s *subscriber) another(than raw.Transport) raw.Transport {
	n := len(raw.Transports())
	return raw.Transports()[(int(than)+1+s.rng.IntN(n-1))%n]
}

const opening = 15 * time.Second

func (s *subscriber) open(ctx context.Context, transport raw.Transport) (*raw.Line, error) {
	ctx, cancel := context.WithTimeout(ctx, opening)
	defer cancel()
	o := raw.Options{
		URL: s.run.balancer.url, Transport: transport, Token: s.token, ClientID: s.name,
		Get: s.rng.IntN(2) == 0, Interval: 100 * time.Millisecond, Wait: 5 * time.Second, Limit: 300 + s.rng.IntN(701),
		Channels: s.run.channels,
	}
	if len(s.cursor) > 0 {
		o.Channels, o.Cursor = nil, s.cursor
	}
	if all := s.run.instances; s.habit == hops && len(all) > 1 {
		s.instance = (s.instance + 1 + s.rng.IntN(len(all)-1)) % len(all)
		o.URL = all[s.instance].url()
	}
	s.doing.Store(fmt.Sprintf("opens %s at %s since %s", transport, o.URL, clock()))
	l, err := raw.Open(ctx, o)
	s.doing.Store(fmt.Sprintf("has %s at %s since %s, %v", transport, o.URL, clock(), err))
	return l, err
}

// follow notes what comes on a line until a moment is over (0: never) or the mood ends, or the
// line ends by an error.
func (s *subscriber) follow(ctx context.Context, l *raw.Line, mood *mood, moment time.Duration) error {
	stay, leave := context.WithCancel(ctx)
	defer leave()
	defer context.AfterFunc(mood.ended, leave)()
	if moment > 0 {
		defer time.AfterFunc(moment, leave).Stop()
	}
	for {
		waiting := stay
		if len(s.cursor) == 0 && !complete(l.Cursor(), len(s.run.channels)) {
			waiting = ctx // someone new begins where it is told to
		}
		e, err := l.Next(waiting)
		switch {
		case err == nil:
			s.note(&e) // also when it is just time to leave: the line's cursor is behind it
		case waiting.Err() != nil:
			return nil
		default:
			return err
		}
	}
}

func clock() string { return time.Now().UTC().Format("15:04:05.000") }

func complete(cursor pubsub.Cursor, channels int) bool {
	return len(cursor) == channels && !slices.ContainsFunc(cursor, func(m pubsub.Mark) bool {
		return !m.Start.Resume || m.Start.Pos.IsZero()
	})
}

func (s *subscriber) note(e *raw.Event) {
	switch {
	case e.Message != nil:
		s.book.Delivered(e.Message, contentOf(e.Message.Data), time.Now())
	case e.Gap != nil:
		s.book.Gap(*e.Gap, time.Now())
	case e.Type == raw.Subscribed:
		s.book.Stands(e.Channel, e.Pos)
	case e.Type == raw.Welcome:
		for _, m := range e.Cursor {
			s.book.Stands(m.Channel, m.Start.Pos)
		}
	case e.Type == raw.Failed:
		s.ended(&raw.Refused{Code: e.Code})
	}
}

// ended counts why a line could not be opened or did not last, and notes what should never be
// the reason.
func (s *subscriber) ended(err error) {
	if s.run.over.Err() != nil {
		return
	}
	reason := "broken"
	closed, refused, violation := (*raw.CloseError)(nil), (*raw.Refused)(nil), (*raw.Violation)(nil)
	switch {
	case errors.As(err, &violation):
		reason = "violation"
		s.run.ledger.Broken(s.name, err)
	case errors.As(err, &closed):
		reason = closed.Error()
		if closed.Code.Next() == wire.Stop {
			s.run.ledger.Broken(s.name, err)
		}
	case errors.As(err, &refused):
		reason = http.StatusText(refused.Status) + " " + refused.Code
		if refused.Status != 0 && refused.Status < 500 {
			s.run.ledger.Broken(s.name, err)
		}
	}
	s.ends[reason]++
}
