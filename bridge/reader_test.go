package bridge

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A reader is a client over many connections: all it keeps is where it stands.
type reader struct {
	w      *world
	name   string
	stands map[pubsub.Channel]pubsub.Position
}

// take holds one item against the reference.
func (rd *reader) take(it Item) {
	switch it := it.(type) {
	case *Delivery:
		m := it.Message
		at, ok := rd.stands[m.Channel]
		if !ok {
			rd.w.violated("%s: message of %s, to which it is not subscribed", rd.name, m.Channel)
		}
		if want := at.Next(m.ID); m.Pos != want {
			rd.w.violated("%s: %s: at %v it was given %v", rd.name, m.Channel, at, m.Pos)
		}
		tl := rd.w.lines[m.Channel]
		tl.mu.Lock()
		// The message may be announced before its publisher has written it down: the publisher
		// holds the mutex until then.
		if id, ok := tl.ever[m.Pos]; !ok || id != m.ID {
			rd.w.violated("%s: %s: nobody appended %v", rd.name, m.Channel, m.Pos)
		}
		tl.mu.Unlock()
		rd.stands[m.Channel] = m.Pos
		rd.w.count("messages")
	case *Gap:
		at := rd.stands[it.Channel]
		if it.From != at {
			rd.w.violated("%s: %s: at %v it was told of a gap from %v", rd.name, it.Channel, at, it.From)
		}
		rd.judge(it)
		rd.stands[it.Channel] = it.To
		rd.w.count(string(it.Reason))
	case Reply:
		rd.w.count("replies")
	}
}

// judge holds a gap against the reference: it had a reason, and covers nothing that the
// client could have been given.
func (rd *reader) judge(g *Gap) {
	tl := rd.w.lines[g.Channel]
	tl.mu.Lock()
	defer tl.mu.Unlock()
	if _, ok := tl.ever[g.To]; !ok && g.To.Offset != 0 {
		rd.w.violated("%s: gap to %v, where nothing ever stood", rd.name, g.To)
	}
	retention := rd.w.retention[g.Channel]
	switch g.Reason {
	case pubsub.Trimmed:
		if g.To.Epoch != g.From.Epoch || g.To.Offset <= g.From.Offset {
			rd.w.violated("%s: trimmed from %v to %v", rd.name, g.From, g.To)
		}
		// Only retention by count tells from the outside what must still be there.
		kept := g.To.Offset + uint64(retention.Count)
		if retention.Age > time.Hour && retention.Bytes >= 1<<20 && g.To.Epoch == tl.end.Epoch && !tl.rolled[g.To.Epoch] && kept > tl.end.Offset {
			rd.w.violated("%s: trimmed up to %v, but %d of %v are kept", rd.name, g.To, retention.Count, tl.end)
		}
	case pubsub.Rollback:
		if g.To.Epoch != g.From.Epoch || !tl.rolled[g.To.Epoch] {
			rd.w.violated("%s: rollback from %v to %v, but %s never went back", rd.name, g.From, g.To, g.Channel)
		}
	case pubsub.Purged:
		if !g.To.Epoch.PurgedFrom(g.From.Epoch) {
			rd.w.violated("%s: purged from %v to %v", rd.name, g.From, g.To)
		}
	default:
		rd.w.violated("%s: gap %q, but memory is ample and the broker never restarted", rd.name, g.Reason)
	}
}

// session is one connection: it resumes everything, drains for a while, and leaves.
func (rd *reader) session(r *rand.Rand) {
	woken := make(chan struct{}, 1)
	c := rd.w.bridge.Connect(wakeUp(func() {
		select {
		case woken <- struct{}{}:
		default: // it has pulled since the last one, in leaveOne
		}
	}))
	defer c.Close()

	for _, name := range rd.w.names {
		at, known := rd.stands[name]
		if !known && r.IntN(2) == 0 {
			continue
		}
		rd.subscribe(c, name, at, known, r)
	}
	limit := Limit{Messages: 1 + r.IntN(60), Bytes: 500 + r.IntN(64<<10)}
	slow := r.IntN(6) == 0
	patience := time.Hour
	if r.IntN(4) == 0 {
		patience = time.Duration(1+r.IntN(60)) * time.Millisecond // leaves while logs are read
	}
	for range 1 + r.IntN(40) {
		if r.IntN(12) == 0 {
			rd.leaveOne(c, r)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		items, err := c.Pull(ctx, nil, limit)
		cancel()
		for _, it := range items {
			rd.take(it)
		}
		if errors.Is(err, ErrTooSlow) {
			rd.w.count("too slow")
			return // with what it had before: the rest is read again
		} else if errors.Is(err, context.DeadlineExceeded) {
			rd.w.count("impatient")
			return
		} else if err != nil {
			rd.w.violated("%s: pull: %v", rd.name, err)
			return
		}
		if slow {
			time.Sleep(time.Duration(r.IntN(4000)) * time.Millisecond)
		}
		if len(items) > 0 {
			continue
		}
		wait := time.Duration(r.IntN(5000)) * time.Millisecond
		select {
		case <-woken:
		case <-time.After(wait):
			if wait > long {
				rd.idle(c)
			}
			return
		}
	}
}

// long is a time in which a log that could not be read was tried again, more than once.
const long = 2500 * time.Millisecond

// idle holds against the reference that a client that waits for long lacks nothing of channels
// to which nothing has happened for long.
func (rd *reader) idle(c *Client) {
	for name, at := range rd.stands {
		tl := rd.w.lines[name]
		tl.mu.Lock()
		if time.Since(tl.changed) > long && c.Subscribed(name) && !rd.w.far.deaf(name) {
			rd.w.count("idle")
			if at != tl.end {
				rd.w.violated("%s: %s: it waits at %v, the log ends at %v", rd.name, name, at, tl.end)
			}
		}
		tl.mu.Unlock()
	}
}

func (rd *reader) subscribe(c *Client, name pubsub.Channel, at pubsub.Position, known bool, r *rand.Rand) {
	tl := rd.w.lines[name]
	start := pubsub.Behind(at)
	if !known {
		start.Resume = r.IntN(3) == 0 // "0", else from now
	}
	tl.mu.Lock()
	before, deaf := tl.end, rd.w.far.deaf(name)
	tl.mu.Unlock()
	pos, err := c.Subscribe(context.Background(), name, start, func(pubsub.Position) Reply { return Reply("subscribed") })
	if err != nil {
		switch {
		case errors.Is(err, ErrTooSlow):
		case errors.Is(err, pubsub.ErrUnavailable) && !known:
			rd.w.count("refused") // the log was needed and could not be read
		default:
			rd.w.violated("%s: subscribe: %v", rd.name, err)
		}
		return
	}
	switch {
	case known && pos != at:
		rd.w.violated("%s: resumed %s at %v, shown %v", rd.name, name, pos, at)
	case !start.Resume && !deaf && pos.Epoch == before.Epoch && pos.Offset < before.Offset:
		tl.mu.Lock()
		if !tl.rolled[pos.Epoch] {
			rd.w.violated("%s: from now begins at %v, behind the end was %v", rd.name, pos, before)
		}
		tl.mu.Unlock()
	}
	rd.stands[name] = pos
}

// leaveOne unsubscribes one channel in the middle, and forgets where it stood.
func (rd *reader) leaveOne(c *Client, r *rand.Rand) {
	name := rd.w.names[r.IntN(len(rd.w.names))]
	if !c.Unsubscribe(name, nil) {
		return
	}
	// What was queued before may still come; nothing after that.
	items, err := c.Pull(context.Background(), nil, Limit{Messages: 1000, Bytes: 1 << 20})
	if err != nil {
		return // the session learns of it as well
	}
	for _, it := range items {
		rd.take(it)
	}
	delete(rd.stands, name)
}

// settle drains everything and stands at the end of each channel.
func (rd *reader) settle() {
	c := rd.w.bridge.Connect(wakeUp(func() {}))
	defer c.Close()
	for name, at := range rd.stands {
		if _, err := c.Subscribe(context.Background(), name, pubsub.Behind(at), nil); err != nil {
			rd.w.violated("%s: settle: %v", rd.name, err)
		}
	}
	for empty := 0; empty < 5; {
		items, err := c.Pull(context.Background(), nil, Limit{Messages: 100, Bytes: 1 << 20})
		if err != nil {
			rd.w.violated("%s: settle: %v", rd.name, err)
			break
		}
		if len(items) == 0 {
			empty++
			time.Sleep(time.Second) // a log that could not be read a moment ago is tried again
		}
		for _, it := range items {
			rd.take(it)
		}
	}
	for name, at := range rd.stands {
		if end := rd.w.lines[name].end; at != end {
			rd.w.violated("%s: %s: everything was drained at %v, the log ends at %v", rd.name, name, at, end)
		}
	}
}
