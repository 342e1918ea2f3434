package raw

import (
	"sync"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// progress is how far a line has come in each of its channels, and what may come next.
type progress struct {
	unchecked bool

	mu     sync.Mutex // guards cursor
	cursor pubsub.Cursor
}

// newProgress begins where the options say.
func newProgress(o *Options) *progress {
	p := &progress{unchecked: o.Unchecked}
	if len(o.Channels) == 0 {
		p.cursor = append(p.cursor, o.Cursor...)
	}
	// Channels decide what is subscribed, also where the cursor knows of more.
	for _, c := range o.Channels {
		start, _ := o.Cursor.Find(c)
		p.cursor = append(p.cursor, pubsub.Mark{Channel: c, Start: start})
	}
	return p
}

// position returns a copy of the cursor.
func (p *progress) position() pubsub.Cursor {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append(pubsub.Cursor(nil), p.cursor...)
}

// advance moves behind an event.
func (p *progress) advance(e *Event) error {
	if p.unchecked {
		return nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case e.Message != nil:
		if err := p.message(e.Message); err != nil {
			return err
		}
	case e.Gap != nil:
		if err := p.gap(e.Gap); err != nil {
			return err
		}
	case e.Type == Subscribed:
		p.cursor = p.cursor.Set(e.Channel, e.Pos)
	case e.Type == Unsubscribed:
		p.forget(e.Channel)
	case e.Type == wire.EventOK:
		return nil // the cursor of a history is its reader's, and moves no subscription
	}
	return p.settle(e.Cursor)
}

func (p *progress) message(m *pubsub.Message) error {
	at, known := p.cursor.Find(m.Channel)
	switch {
	case !known:
		return violation("a message of %s, which was not asked for", m.Channel)
	case !at.Resume || at.Pos.IsZero():
		// Where the channel begins is the server's choice.
	case m.Pos.Epoch != at.Pos.Epoch:
		return violation("%s went from epoch %s to %s without a gap", m.Channel, at.Pos.Epoch, m.Pos.Epoch)
	case m.Pos.Offset <= at.Pos.Offset:
		return violation("message %d of %s came behind %d", m.Pos.Offset, m.Channel, at.Pos.Offset)
	case m.Pos.Offset != at.Pos.Offset+1:
		return violation("message %d of %s came behind %d without a gap", m.Pos.Offset, m.Channel, at.Pos.Offset)
	}
	p.cursor = p.cursor.Set(m.Channel, m.Pos)
	return nil
}

func (p *progress) gap(g *pubsub.Gap) error {
	at, known := p.cursor.Find(g.Channel)
	switch {
	case !known:
		return violation("a gap of %s, which was not asked for", g.Channel)
	case at.Resume && at.Pos != g.From:
		return violation("a gap of %s begins at %s, not at %s", g.Channel, g.From, at.Pos)
	}
	// To counts even if its offset is lower than before.
	p.cursor = p.cursor.Set(g.Channel, g.To)
	return nil
}

// settle takes the cursor that came with an event: it must stand behind what was given.
func (p *progress) settle(cursor pubsub.Cursor) error {
	for _, m := range cursor {
		at, known := p.cursor.Find(m.Channel)
		switch {
		case !m.Start.Resume:
			return violation("the server's cursor has no position of %s", m.Channel)
		case known && at.Resume && !at.Pos.IsZero() && at.Pos != m.Start.Pos:
			return violation("the cursor has %s at %s, its messages and gaps end at %s", m.Channel, m.Start.Pos, at.Pos)
		}
		p.cursor = p.cursor.Set(m.Channel, m.Start.Pos)
	}
	return nil
}

func (p *progress) forget(c pubsub.Channel) {
	for i := range p.cursor {
		if p.cursor[i].Channel == c {
			p.cursor = append(p.cursor[:i:i], p.cursor[i+1:]...)
			return
		}
	}
}
