package raw

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// pollGrace is how much longer than it was to be held a poll may take.
const pollGrace = 30 * time.Second

type polls struct {
	dialing
	cursor pubsub.Cursor // of the last answer
	ready  []Event       // of the last answer, not given yet
	after  time.Duration // how long to wait before the next
}

// openPoll sends the first poll, which is answered at once: so the caller has a cursor
// before anything that it may publish next.
func openPoll(ctx context.Context, d *dialing) (source, error) {
	p := &polls{dialing: *d, cursor: d.progress.position()}
	a, err := p.poll(ctx, 0)
	if err != nil {
		return nil, err
	}
	hello := Event{Type: Welcome, Client: d.ClientID, Cursor: p.start(&a)}
	p.take(a)
	p.ready = slices.Insert(p.ready, 0, hello)
	return p, nil
}

// start returns the positions of the channels that begin with the first answer's cursor:
// those without a position, unless something of them came with it.
func (p *polls) start(a *wire.Answer) (start pubsub.Cursor) {
	moved := make(map[pubsub.Channel]bool)
	for _, m := range a.Messages {
		moved[m.Channel] = true
	}
	for _, g := range a.Gaps {
		moved[g.Channel] = true
	}
	for _, mark := range a.Cursor {
		at, _ := p.cursor.Find(mark.Channel)
		if !moved[mark.Channel] && (!at.Resume || at.Pos.IsZero()) {
			start = append(start, mark)
		}
	}
	return start
}

func (p *polls) next(ctx context.Context) (Event, error) {
	for len(p.ready) == 0 {
		if err := sleep(ctx, p.after); err != nil {
			return Event{}, err
		}
		wait := p.Wait
		if p.Transport == Poll {
			wait = 0
		}
		a, err := p.poll(ctx, wait)
		if err != nil {
			return Event{}, err
		}
		p.take(a)
	}
	e := p.ready[0]
	p.ready[0] = Event{}
	p.ready = p.ready[1:]
	return e, nil
}

// take makes events of an answer.
func (p *polls) take(a wire.Answer) {
	p.cursor = a.Cursor
	p.ready = make([]Event, 0, len(a.Gaps)+len(a.Messages)+1)
	for i := range a.Gaps {
		p.ready = append(p.ready, Event{Type: Gap, Gap: &a.Gaps[i]})
	}
	for _, m := range a.Messages {
		p.ready = append(p.ready, Event{Type: Message, Message: m})
	}
	p.ready = append(p.ready, Event{Type: Heartbeat, Cursor: a.Cursor, More: a.More, Retry: a.Retry})
	switch {
	case a.More:
		p.after = 0
	case p.Transport == Poll:
		p.after = max(a.Retry, p.Interval)
	default:
		p.after = a.Retry
	}
}

func (p *polls) poll(ctx context.Context, wait time.Duration) (a wire.Answer, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait+pollGrace)
	defer cancel()
	resp, err := p.ask(ctx, "/v1/poll", "application/json", p.cursor, wait)
	if err != nil {
		return a, err
	}
	defer resp.Body.Close()
	if err := p.check(resp); err != nil {
		return a, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, int64(p.MaxEvent)+1))
	switch {
	case err != nil:
		return a, broken(err)
	case len(body) > p.MaxEvent:
		return a, violation("an answer of more than %d bytes", p.MaxEvent)
	}
	if a, err = wire.ParseAnswer(body); err != nil {
		return a, violation("the answer of a poll: %v", err)
	}
	return a, nil
}

// check holds the header against what makes answers pass through proxies that buffer.
func (p *polls) check(resp *http.Response) error {
	if p.Unchecked {
		return nil // a proxy may have changed it
	}
	what := ""
	if resp.ContentLength < 0 {
		what = "no Content-Length"
	}
	if got := resp.Header.Get("Cache-Control"); got != "no-store" {
		what = fmt.Sprintf("Cache-Control %q, not no-store", got)
	}
	if what != "" {
		return violation("a poll was answered with %s", what)
	}
	return nil
}

func (p *polls) close(bool) {}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
