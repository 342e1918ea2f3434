package behaviour

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

// TestChangingTransports changes its transport every 300 ms, by a goodbye or by a cut, and
// its instance with it, while 200 messages a second are published: each comes once, in order.
func TestChangingTransports(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		const (
			messages = 5000
			changes  = 100
			pace     = 5 * time.Millisecond
			stay     = 300 * time.Millisecond
		)
		s := start(t, setup{})
		c := named(t, "orders")
		cursor := pubsub.Cursor{}.Set(c, s.end(t, c))
		token := s.token()
		p := s.publishAtPace(t, c, pace)

		got, lines := 0, 0
		var transport raw.Transport
		for enough := false; !enough || got < p.published(); {
			transport = other(transport)
			l := s.join(t, transport, raw.Options{Token: token, Cursor: cursor})
			s = s.desk()
			lines++
			for e := range l.during(stay) {
				if e.Gap != nil {
					t.Fatalf("line %d, %v: a gap (%s)", lines, transport, e.Gap.Reason)
				}
				if e.Message == nil {
					continue
				}
				got++
				if string(e.Message.Data.Bytes) != strconv.Itoa(got) {
					t.Fatalf("line %d, %v: %s came, want %d", lines, transport, e.Message.Data.Bytes, got)
				}
			}
			cursor = l.Cursor()
			if lines%2 == 0 {
				l.CloseNow()
			} else {
				l.Close()
			}
			if !enough && got >= messages && lines > changes {
				enough = true
				p.stop()
			}
		}
		if got != p.published() {
			t.Errorf("%d messages came, %d were published", got, p.published())
		}
	})
}

// other returns any transport but one.
func other(than raw.Transport) raw.Transport {
	n := len(raw.Transports())
	return raw.Transports()[(int(than)+1+rand.IntN(n-1))%n]
}

// during gives the events that come within a time.
func (l *line) during(d time.Duration) func(func(raw.Event) bool) {
	return func(yield func(raw.Event) bool) {
		ctx, cancel := context.WithTimeout(context.Background(), d)
		defer cancel()
		for _, e := range l.early {
			if !yield(e) {
				return
			}
		}
		l.early = nil
		for {
			e, err := l.Next(ctx)
			if errors.Is(err, context.DeadlineExceeded) {
				return
			}
			if err != nil {
				l.t.Fatalf("the line ended: %v", err)
			}
			if !yield(e) {
				return
			}
		}
	}
}

// A publisher publishes the numbers from 1 on, until it is stopped.
type publisher struct {
	n    atomic.Int64 // how many were answered 2xx
	quit chan struct{}
	once sync.Once
	done chan struct{}
}

func (s *server) publishAtPace(t *testing.T, c pubsub.Channel, pace time.Duration) *publisher {
	p := &publisher{quit: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(p.done)
		begin := time.Now()
		for i := 1; ; i++ {
			// One that comes late does not make the others late.
			select {
			case <-time.After(time.Until(begin.Add(time.Duration(i) * pace))):
			case <-p.quit:
				return
			}
			r, err := s.desk().try(request{
				path:   messagesOf(c),
				body:   strconv.Itoa(i),
				header: []string{"Authorization: Bearer " + apiKey, "Content-Type: application/json"},
			})
			if err != nil || r.status != http.StatusCreated {
				t.Errorf("publish %d: %v %s", i, err, r.refusal())
				return
			}
			p.n.Store(int64(i))
		}
	}()
	t.Cleanup(p.stop)
	return p
}

func (p *publisher) published() int { return int(p.n.Load()) }

// stop returns when nothing more is published.
func (p *publisher) stop() {
	p.once.Do(func() { close(p.quit) })
	<-p.done
}
