package ledger

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

const channel pubsub.Channel = "c"

// A play is a run on one channel with one publisher and one subscriber, of which a test
// changes a detail.
type play struct {
	*Ledger
	t    *testing.T
	sub  *Subscriber
	now  time.Time
	sent int
}

func begin(t *testing.T) *play {
	p := &play{Ledger: New(), t: t, now: time.Unix(1_700_000_000, 0)}
	p.sub = p.Subscriber("ann", true)
	p.sub.Stands(channel, first)
	return p
}

var (
	first = pubsub.Position{Epoch: "a"}
	other = pubsub.Position{Epoch: "b"}
)

func content(n int) Content { return Content{Tag{"p", n}, uint64(n)} }

// id is that of the n-th publication of a branch of history.
func id(n int, branch string) uuid.UUID {
	return uuid.NewSHA1(uuid.Nil, fmt.Appendf(nil, "%d %s", n, branch))
}

func message(at pubsub.Position, n int, branch string) *pubsub.Message {
	return &pubsub.Message{Channel: channel, ID: id(n, branch), Pos: at.Next(id(n, branch))}
}

// publish sends the numbers from one to another, has them acknowledged behind at, and returns
// the messages.
func (p *play) publish(at pubsub.Position, from, to int, branch string) (ms []*pubsub.Message) {
	for n := from; n <= to; n++ {
		m := message(at, n, branch)
		p.now = p.now.Add(time.Second)
		p.Sent(channel, content(n), p.now)
		p.Acknowledged(content(n).Tag, m.ID, m.Pos, p.now)
		ms = append(ms, m)
		at = m.Pos
	}
	return ms
}

// number returns the number of a message by its id.
func number(m *pubsub.Message) int {
	for n := range 1000 {
		for _, branch := range []string{"", "new"} {
			if id(n, branch) == m.ID {
				return n
			}
		}
	}
	panic("no such message")
}

func (p *play) deliver(ms ...*pubsub.Message) {
	for _, m := range ms {
		p.now = p.now.Add(time.Second)
		p.sub.Delivered(m, content(number(m)), p.now)
	}
}

// keep makes the log consist of messages behind a position.
func (p *play) keep(front pubsub.Position, ms ...*pubsub.Message) {
	p.Begins(channel, front)
	for _, m := range ms {
		p.Stored(m, content(number(m)))
	}
}

func told(reason pubsub.Reason, from, to pubsub.Position) pubsub.Gap {
	return pubsub.Gap{Channel: channel, Reason: reason, From: from, To: to}
}

func (p *play) gap(g pubsub.Gap) {
	p.now = p.now.Add(time.Second)
	p.sub.Gap(g, p.now)
}

// finds holds the violations against what is wanted: kinds, each as often as it is named.
func (p *play) finds(lossy []pubsub.Reason, want ...Kind) {
	p.t.Helper()
	v := p.Judge(lossy...)
	counts := make(map[Kind]int)
	for _, k := range want {
		counts[k]++
	}
	if diff := cmp.Diff(counts, v.Violations); diff != "" {
		p.t.Errorf("the violations are others (-want +got):\n%s\n%s", diff, strings.Join(v.Texts, "\n"))
	}
	if v.OK() != (len(want) == 0) {
		p.t.Errorf("OK is %v with %d violations wanted", v.OK(), len(want))
	}
}

// owes returns how many deliveries are missing.
func (p *play) owes(name string, until time.Time) (n int) {
	for _, d := range p.Owed(until) {
		if d.Subscriber == name {
			n += d.Messages
		}
	}
	return n
}

func TestAllIsWell(t *testing.T) {
	p := begin(t)
	ms := p.publish(first, 1, 5, "")
	p.deliver(ms...)
	p.keep(first, ms...)
	p.finds(nil)
	v := p.Judge()
	want := Verdict{Published: 5, Acknowledged: 5, Delivered: 5, Gaps: map[pubsub.Reason]int{}, Violations: map[Kind]int{}}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("the verdict is another (-want +got):\n%s", diff)
	}
}

func TestSince(t *testing.T) {
	p := begin(t)
	p.publish(first, 1, 3, "")
	then := p.now
	p.now = p.now.Add(time.Second)
	p.Sent(channel, content(4), p.now)
	if sent, acknowledged := p.Since(then); sent != 1 || acknowledged != 0 {
		t.Errorf("%d sent and %d acknowledged, want 1 and 0", sent, acknowledged)
	}
	p.Acknowledged(content(4).Tag, id(4, ""), first, p.now)
	if sent, acknowledged := p.Since(then); sent != 1 || acknowledged != 1 {
		t.Errorf("%d sent and %d acknowledged, want 1 and 1", sent, acknowledged)
	}
}

func TestLost(t *testing.T) {
	t.Run("at the end", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 5, "")
		p.deliver(ms[:4]...)
		p.keep(first, ms...)
		p.finds(nil, Lost)
		if n := p.owes("ann", p.now); n != 1 {
			t.Errorf("%d are owed, want 1", n)
		}
		if n := p.owes("ann", time.Unix(0, 0)); n != 0 {
			t.Errorf("%d are owed of what was acknowledged before the first, want 0", n)
		}
		p.sub.Sleeps()
		if n := p.owes("ann", p.now); n != 0 {
			t.Errorf("%d are owed to someone who sleeps, want 0", n)
		}
		p.Subscriber("bob", false).Stands(channel, first)
		if n := p.owes("bob", p.now); n != 5 {
			t.Errorf("%d are owed to someone else, want 5", n)
		}
		delete(p.subscribers[1].channels, channel)
		p.sub.Woke(p.now)
		if n := p.owes("ann", p.now); n != 1 {
			t.Errorf("%d are owed to someone who woke, want 1", n)
		}
	})
	t.Run("in the middle", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 5, "")
		p.deliver(ms[0], ms[1], ms[3], ms[4])
		p.keep(first, ms...)
		p.finds(nil, Lost, Disorder)
	})
	t.Run("one whose outcome is unknown and that the log has", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 2, "")
		p.deliver(ms...)
		p.Sent(channel, content(3), p.now)
		p.keep(first, append(ms, message(ms[1].Pos, 3, ""))...)
		p.finds(nil, Lost)
	})
	t.Run("before any log is known", func(t *testing.T) {
		p := begin(t)
		p.deliver(p.publish(first, 1, 5, "")[:3]...)
		p.finds(nil, Lost, Lost)
	})
	t.Run("by the log", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 5, "")
		p.deliver(ms...)
		p.keep(first, ms[:4]...)
		p.finds(nil, Lost)
	})
	t.Run("not what came before the subscriber began", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 5, "")
		late := p.Subscriber("late", false)
		late.Stands(channel, ms[3].Pos)
		late.Delivered(ms[4], content(5), p.now)
		p.deliver(ms...)
		p.keep(first, ms...)
		p.finds(nil)
	})
}
