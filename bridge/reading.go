package bridge

import (
	"context"
	"errors"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// What is read at least, since a page serves others as well, and the next Pull.
const (
	pageMessages = 256
	pageBytes    = 64 << 10
)

// readings are what the subscribers of a channel share of its log. All of it is about the log
// since the channel broke last. It is there from the first reading on until nothing of it
// counts any more (see kept.go); nil is one that holds nothing. The channel's mutex guards it.
type readings struct {
	underway map[pubsub.Start]*reading
	failed   *reading  // the last one for which the broker could not be reached
	again    time.Time // when the next one may be tried behind it
	kept     []*page   // those used a moment ago, oldest first
	proof    proof
}

// broken forgets everything: the log may be another one.
func (rs *readings) broken() {
	if rs == nil {
		return
	}
	rs.underway, rs.failed, rs.proof = nil, nil, proof{}
}

// over reports whether nothing counts any more.
func (rs *readings) over(now time.Time) bool {
	return rs == nil || len(rs.underway) == 0 && len(rs.kept) == 0 && !now.Before(rs.again) &&
		now.Sub(rs.proof.began.time) > proofAge
}

// A reading asks for one page of the log. Whoever begins it carries it out, on the goroutine
// of its consumer, and the others who need the same page wait for it.
//
// What the page says holds for them all, also for who came when the reading had begun. What
// was appended in front of the moment at which the page was taken is in the page; what was
// appended behind it is announced, to the channel, whoever is subscribed: the channel was
// followed all the time, and it did not break.
type reading struct {
	channel *channel
	page    *page
	end     pubsub.Position // of the channel when the reading began; zero: unknown

	done chan struct{} // closed when page is complete or err is set
	err  error
}

// errAbandoned says that who read the log has left. Another one of those who wait reads it.
var errAbandoned = errors.New("the reading was abandoned")

// join returns the reading for those who begin at start, and whether the caller has to carry
// it out. The channel's mutex is held.
func (ch *channel) join(start pubsub.Start, now moment) (r *reading, first bool) {
	if ch.readings == nil {
		ch.readings = &readings{}
		ch.bridge.tidy(ch)
	}
	if r := ch.readings.failed; r != nil && now.time.Before(ch.readings.again) {
		return r, false
	}
	if r := ch.readings.underway[start]; r != nil {
		return r, false
	}
	ch.begun++
	r = &reading{channel: ch, done: make(chan struct{})}
	r.page = &page{start: start, number: ch.begun, breaks: ch.breaks, began: now}
	if ch.synced {
		r.end = ch.end
	}
	if ch.readings.underway == nil {
		ch.readings.underway = make(map[pubsub.Start]*reading, 1)
	}
	ch.readings.underway[start] = r
	return r, true
}

// wait returns the page when it was read; nil when somebody else has to read it.
func (r *reading) wait(ctx context.Context) (*page, error) {
	select {
	case <-r.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	switch r.err {
	case nil:
		return r.page, nil
	case errAbandoned:
		return nil, ctx.Err()
	}
	return nil, r.err
}

// get is carryOut for who has to, and wait for everyone.
func (r *reading) get(ctx context.Context, first bool) (*page, error) {
	if first {
		r.carryOut(ctx, Limit{Messages: 1, Bytes: 1})
	}
	return r.wait(ctx)
}

// carryOut reads the page, at least as far as limit.
func (r *reading) carryOut(ctx context.Context, limit Limit) {
	ch, start := r.channel, r.page.start
	got, err := ch.bridge.readLog(ctx, ch.name, start, limit)

	ch.mu.Lock()
	if ch.readings != nil && ch.readings.underway[start] == r {
		delete(ch.readings.underway, start)
	}
	switch {
	case err == nil:
		ch.learn(r, got)
	case ctx.Err() != nil:
		r.err = errAbandoned
	default:
		r.err = err
		if errors.Is(err, pubsub.ErrUnavailable) && r.page.breaks == ch.breaks {
			ch.readings.failed, ch.readings.again = r, time.Now().Add(ch.bridge.options.Retry)
		}
	}
	ch.mu.Unlock()
	close(r.done)
}

// readLog asks the broker for a page. One from now holds no message.
func (b *Bridge) readLog(ctx context.Context, name pubsub.Channel, start pubsub.Start, limit Limit) (pubsub.Page, error) {
	if !start.Resume {
		page, err := b.broker.ReadBack(ctx, name, pubsub.Position{}, pubsub.Limit{Messages: 1})
		return pubsub.Page{From: page.End, End: page.End}, err
	}
	if b.pages.Load() < pageBudget {
		limit = Limit{max(limit.Messages, pageMessages), max(limit.Bytes, pageBytes)}
	}
	return b.broker.Read(ctx, name, start.Pos, pubsub.Limit(limit))
}

// learn completes a page, and concludes from it what the channel did not know.
func (ch *channel) learn(r *reading, got pubsub.Page) {
	p := r.page
	p.from, p.more = got.From, got.More
	if got.Gap != nil {
		p.gap = &Gap{*got.Gap}
	}
	if len(got.Messages) > 0 {
		p.messages = make([]*Delivery, len(got.Messages))
	}
	for i, m := range got.Messages {
		p.messages[i] = ch.delivery(m)
		p.bytes += m.Size()
	}
	if ch.left || p.breaks != ch.breaks {
		// After a break the end of this page is no longer the end of what announcements follow:
		// the log decides once more.
		return
	}

	last := p.last()
	if p.contradicts(r.end, got.End) {
		// The log has lost what was announced, and the break is on its way. Nobody may be given
		// what the tail and older pages say behind what this one says.
		ch.broken()
		return
	}
	if !ch.synced && !p.more {
		// Nothing was announced since the channel broke or was opened, so the end of the log is
		// the end of announcements.
		ch.end, ch.synced = last, true
		r.end = last
	}
	if ch.synced && ch.end == last && len(ch.tail.deliveries) == 0 {
		// So that announcements of it that are still on their way are known as such.
		for _, d := range p.messages {
			ch.tail.push(d, &ch.bridge.tails)
		}
	}
	ch.readings.proof.take(p, r.end)
	ch.keep(p)
}

// delivery returns what this instance has made of a message already, so that its encodings are
// shared, or a new one.
func (ch *channel) delivery(m *pubsub.Message) *Delivery {
	if d := ch.tail.delivery(m); d != nil {
		return d
	}
	for _, p := range ch.pages() {
		if i := m.Pos.Offset - p.from.Offset - 1; i < uint64(len(p.messages)) && p.messages[i].Message.Pos == m.Pos {
			return p.messages[i]
		}
	}
	return &Delivery{Message: m}
}
