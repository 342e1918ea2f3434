// Package ledger decides whether a bridge kept its word.
//
// Whoever publishes notes what is sent and what was acknowledged, whoever subscribes notes
// what was delivered and which gaps were told, and in the end the logs are noted as they are
// read from their beginning. [Ledger.Judge] then compares the three:
//
//   - what was delivered and what gaps cover contains every acknowledged message and
//     everything that stands in the log;
//   - nothing comes that nobody sent, or with another content, id or position than it has;
//   - within a channel each message follows the one before it, by epoch, offset and digest,
//     unless a gap stands between them;
//   - nothing comes twice, but for what was undone and done again;
//   - gaps come only where the fault may have cost messages, begin where the subscriber
//     stood, end at a position of the log, and cover nothing that the log still has.
//
// A Ledger may be used by any goroutine. It grows with what is noted, and bounds only the
// list of violations that it spells out.
package ledger

import (
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Tag names a publication: the n-th of a publisher. Its payload carries it.
type Tag struct {
	Publisher string
	N         int
}

// A Content is what a payload is known by: its tag and a checksum of its bytes.
type Content struct {
	Tag Tag
	Sum uint64
}

// A Ledger is the record of one run.
type Ledger struct {
	mu          sync.Mutex // guards everything below, and the subscribers
	sent        map[Tag]*publication
	stored      map[pubsub.Channel][]*publication // those acknowledged, in this order
	subscribers []*Subscriber
	logs        map[pubsub.Channel]*log
	healed      time.Time
	split       bool
	noted       findings // what was found wrong as it was noted
}

type publication struct {
	Content
	channel pubsub.Channel
	sent    time.Time // for the first time
	acked   time.Time // zero: the outcome is unknown
	id      uuid.UUID
	pos     pubsub.Position
}

// New returns an empty ledger.
func New() *Ledger {
	return &Ledger{
		sent:   make(map[Tag]*publication),
		stored: make(map[pubsub.Channel][]*publication),
		logs:   make(map[pubsub.Channel]*log),
	}
}

// Sent notes a publication before it is sent for the first time. Until it is acknowledged
// its outcome is unknown.
func (l *Ledger) Sent(c pubsub.Channel, content Content, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.sent[content.Tag] != nil {
		panic("the publisher numbers two publications alike")
	}
	l.sent[content.Tag] = &publication{Content: content, channel: c, sent: at}
}

// Acknowledged notes the answer 2xx to a publication.
func (l *Ledger) Acknowledged(tag Tag, id uuid.UUID, pos pubsub.Position, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.sent[tag]
	p.acked, p.id, p.pos = at, id, pos
	l.stored[p.channel] = append(l.stored[p.channel], p)
}

// Counts returns how many publications were sent and how many of them acknowledged so far.
func (l *Ledger) Counts() (sent, acknowledged int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, ps := range l.stored {
		acknowledged += len(ps)
	}
	return len(l.sent), acknowledged
}

// Since returns how many publications were sent since then, and how many of them acknowledged.
func (l *Ledger) Since(then time.Time) (sent, acknowledged int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range l.sent {
		if p.sent.After(then) {
			sent++
			if !p.acked.IsZero() {
				acknowledged++
			}
		}
	}
	return sent, acknowledged
}

// Healed notes that the fault is over: from here the time to catch up counts.
func (l *Ledger) Healed(at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.healed = at
}

// Split notes that two masters lived at once for a while. Who changed instances then came from one
// history to the other and back: each time by a gap, but what it was given again may have been
// taken back before, as long as it is gone in the end.
func (l *Ledger) Split() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.split = true
}

// Broken notes that a client found the protocol broken.
func (l *Ledger) Broken(who string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noted.add(Protocol, "%s: %v", who, err)
}

// Late notes that something took longer than a scenario allows.
func (l *Ledger) Late(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.noted.add(Late, "%s", what)
}

// A Debt is what a subscriber should have been given of a channel.
type Debt struct {
	Subscriber string
	Channel    pubsub.Channel
	Messages   int
}

// Owed returns which deliveries are missing of what was acknowledged until then. Nothing is
// owed to those who sleep.
func (l *Ledger) Owed(until time.Time) (owed []Debt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.subscribers {
		if s.asleep {
			continue
		}
		for c, in := range s.channels {
			debt := Debt{s.name, c, 0}
			for _, p := range l.stored[c] {
				if !p.acked.After(until) && in.owed(p) && !in.mourned(p) && !in.replaced(p.pos) {
					debt.Messages++
				}
			}
			if debt.Messages > 0 {
				owed = append(owed, debt)
			}
		}
	}
	return owed
}
