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
	p.sub = p.Subscriber("ann")
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
		p.Sent(channel, content(n))
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

func TestLost(t *testing.T) {
	t.Run("at the end", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 5, "")
		p.deliver(ms[:4]...)
		p.keep(first, ms...)
		p.finds(nil, Lost)
		if n := p.Owed(p.now)["ann"]; n != 1 {
			t.Errorf("%d are owed, want 1", n)
		}
		if n := p.Owed(time.Unix(0, 0))["ann"]; n != 0 {
			t.Errorf("%d are owed of what was acknowledged before the first, want 0", n)
		}
		p.sub.Sleeps()
		if n := p.Owed(p.now)["ann"]; n != 0 {
			t.Errorf("%d are owed to someone who sleeps, want 0", n)
		}
		p.sub.Woke(p.now)
		if n := p.Owed(p.now)["ann"]; n != 1 {
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
		p.Sent(channel, content(3))
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
		late := p.Subscriber("late")
		late.Stands(channel, ms[3].Pos)
		late.Delivered(ms[4], content(5), p.now)
		p.deliver(ms...)
		p.keep(first, ms...)
		p.finds(nil)
	})
}

func TestTwice(t *testing.T) {
	t.Run("the same message", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 3, "")
		p.deliver(ms...)
		p.deliver(ms[2])
		p.keep(first, ms...)
		p.finds(nil, Disorder, Twice)
	})
	t.Run("the same message behind a gap", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 3, "")
		p.deliver(ms...)
		p.gap(told(pubsub.Rollback, ms[2].Pos, ms[1].Pos))
		p.deliver(ms[2])
		p.keep(first, ms...)
		p.finds([]pubsub.Reason{pubsub.Rollback}, Twice, BadGap)
	})
	t.Run("stored under two ids", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 3, "")
		again := message(ms[2].Pos, 3, "new")
		p.deliver(append(ms, again)...)
		p.keep(first, append(ms, again)...)
		p.finds(nil, Twice, Twice) // in the log, and for the subscriber
	})
	t.Run("not what was lost and repeated", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 2, "")
		p.Sent(channel, content(3))
		lost, again := message(ms[1].Pos, 3, ""), message(ms[1].Pos, 3, "new")
		p.deliver(append(ms, lost)...)
		p.gap(told(pubsub.Rollback, lost.Pos, ms[1].Pos))
		p.Acknowledged(content(3).Tag, again.ID, again.Pos, p.now)
		p.deliver(again)
		p.keep(first, append(ms, again)...)
		p.finds([]pubsub.Reason{pubsub.Rollback})
	})
}

func TestDisorder(t *testing.T) {
	t.Run("swapped", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 3, "")
		p.deliver(ms[0], ms[2], ms[1])
		p.keep(first, ms...)
		p.finds(nil, Disorder, Disorder)
	})
	t.Run("from one branch to another", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 3, "")
		branch := p.publish(ms[1].Pos, 4, 5, "new")
		p.deliver(append(ms, branch[1])...)
		p.keep(first, append(ms[:2:2], branch...)...)
		p.finds([]pubsub.Reason{pubsub.Rollback}, Disorder, Lost)
	})
	t.Run("a publisher's messages in the log", func(t *testing.T) {
		p := begin(t)
		p.Sent(channel, content(1))
		p.Sent(channel, content(2))
		two := message(first, 2, "")
		one := message(two.Pos, 1, "")
		p.deliver(two, one)
		p.keep(first, two, one)
		p.finds(nil, Disorder)
	})
}

func TestForeign(t *testing.T) {
	for name, of := range map[string]Content{
		"nobody's":            {Tag{"q", 1}, 1},
		"with other bytes":    {Tag{"p", 1}, 2},
		"of another channel":  {Tag{"p", 9}, 9},
		"a number never sent": {Tag{"p", 7}, 7},
	} {
		t.Run(name, func(t *testing.T) {
			p := begin(t)
			p.Sent("another", content(9))
			p.Sent(channel, content(1))
			m := message(first, 1, "")
			p.sub.Delivered(m, of, p.now)
			p.Begins(channel, first)
			p.Stored(m, of)
			p.finds(nil, Foreign, Foreign) // delivered, and in the log
		})
	}
	t.Run("of a channel without a position", func(t *testing.T) {
		p := begin(t)
		m := *message(first, 1, "")
		m.Channel = "another"
		p.sub.Delivered(&m, content(1), p.now)
		p.finds(nil, Foreign)
	})
}

func TestGaps(t *testing.T) {
	rollback, epoch := []pubsub.Reason{pubsub.Rollback}, []pubsub.Reason{pubsub.Replaced}
	// rolled: of five messages, of which the subscriber saw seen, two were lost, two are new.
	rolled := func(t *testing.T, seen int) (p *play, old, now []*pubsub.Message) {
		p = begin(t)
		old = p.publish(first, 1, 5, "")
		p.deliver(old[:seen]...)
		now = p.publish(old[2].Pos, 6, 7, "new")
		p.keep(first, append(old[:3:3], now...)...)
		return p, old, now
	}
	t.Run("a rollback of what was seen", func(t *testing.T) {
		p, old, now := rolled(t, 5)
		p.gap(told(pubsub.Rollback, old[4].Pos, old[2].Pos))
		p.deliver(now...)
		p.finds(rollback)
		if v := p.Judge(rollback...); v.Missing != 2 || v.Gaps[pubsub.Rollback] != 1 {
			t.Errorf("%d missing, gaps %v", v.Missing, v.Gaps)
		}
	})
	t.Run("a rollback of what was not seen", func(t *testing.T) {
		p, old, now := rolled(t, 3)
		p.gap(told(pubsub.Rollback, old[2].Pos, old[2].Pos))
		p.deliver(now...)
		p.finds(rollback)
	})
	t.Run("a rollback that was kept from the subscriber", func(t *testing.T) {
		p, _, now := rolled(t, 3)
		p.deliver(now...)
		p.finds(rollback, Lost, Lost)
	})
	t.Run("a rollback at a scar", func(t *testing.T) {
		p := begin(t)
		old := p.publish(first, 1, 5, "")
		p.deliver(old[:3]...)
		scar := message(old[2].Pos, 99, "").Pos
		now := p.publish(scar, 6, 7, "new")
		p.keep(first, old[:3]...)
		p.Scar(channel, scar)
		for _, m := range now {
			p.Stored(m, content(number(m)))
		}
		p.gap(told(pubsub.Rollback, old[2].Pos, scar))
		p.deliver(now...)
		p.finds(rollback)
	})
	t.Run("a rollback where everything was kept", func(t *testing.T) {
		p, old, now := rolled(t, 5)
		p.gap(told(pubsub.Rollback, old[4].Pos, old[2].Pos))
		p.deliver(now...)
		p.finds(nil, BadGap, Lost, Lost) // and the log does not have two
	})
	t.Run("nothing was lost", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 3, "")
		p.deliver(ms...)
		p.gap(told(pubsub.Rollback, ms[2].Pos, ms[2].Pos))
		p.keep(first, ms...)
		p.finds(rollback, BadGap)
	})
	t.Run("a rollback that leads behind what was passed", func(t *testing.T) {
		p, old, now := rolled(t, 5)
		p.gap(told(pubsub.Rollback, old[4].Pos, now[1].Pos))
		p.finds(rollback)
		if v := p.Judge(rollback...); v.Replaced != 2 {
			t.Errorf("%d were replaced, want 2", v.Replaced)
		}
	})
	t.Run("a rollback that leads further", func(t *testing.T) {
		p, old, now := rolled(t, 4)
		p.gap(told(pubsub.Rollback, old[3].Pos, now[1].Pos))
		p.finds(rollback, BadGap)
	})
	t.Run("a rollback that is told behind what was appended meanwhile", func(t *testing.T) {
		p, _, now := rolled(t, 3)
		p.deliver(now...)
		scar := message(now[1].Pos, 99, "").Pos
		p.Scar(channel, scar)
		p.gap(told(pubsub.Rollback, now[1].Pos, scar))
		p.finds(rollback)
	})
	t.Run("a rollback that was told before", func(t *testing.T) {
		p := begin(t)
		scar := message(first, 99, "").Pos
		p.gap(told(pubsub.Rollback, first, scar))
		p.publish(scar, 1, 1, "")
		p.Begins(channel, first)
		p.Scar(channel, scar)
		p.finds(rollback, Lost)
	})
	t.Run("over what the log has", func(t *testing.T) {
		p, old, now := rolled(t, 2)
		p.gap(told(pubsub.Rollback, old[1].Pos, old[2].Pos))
		p.deliver(now...)
		p.finds(rollback, BadGap)
	})
	t.Run("too early", func(t *testing.T) {
		p, old, now := rolled(t, 5)
		p.gap(told(pubsub.Rollback, old[4].Pos, old[1].Pos))
		p.deliver(old[2])
		p.deliver(now...)
		p.finds(rollback, Twice)
	})
	t.Run("not from where the subscriber stood", func(t *testing.T) {
		p, old, now := rolled(t, 5)
		p.gap(told(pubsub.Rollback, old[3].Pos, old[2].Pos))
		p.deliver(now...)
		p.finds(rollback, BadGap)
	})
	t.Run("to no position of the log", func(t *testing.T) {
		p, old, _ := rolled(t, 5)
		p.gap(told(pubsub.Rollback, old[4].Pos, old[3].Pos))
		p.finds(rollback, BadGap, Lost) // the other stands in the place of one that it had
	})
	t.Run("of the wrong reason", func(t *testing.T) {
		p, old, now := rolled(t, 5)
		p.gap(told(pubsub.Trimmed, old[4].Pos, old[2].Pos))
		p.deliver(now...)
		p.finds(rollback, BadGap)
	})
	t.Run("in a channel without a position", func(t *testing.T) {
		p := begin(t)
		p.gap(pubsub.Gap{Channel: "another", Reason: pubsub.Rollback})
		p.finds(rollback, BadGap)
	})

	// replaced: of five messages in a life of the log, of which the subscriber saw three,
	// nothing is left.
	replaced := func(t *testing.T) (p *play, old, now []*pubsub.Message) {
		p = begin(t)
		old = p.publish(first, 1, 5, "")
		p.deliver(old[:3]...)
		now = p.publish(other, 6, 7, "new")
		p.keep(other, now...)
		return p, old, now
	}
	t.Run("another epoch", func(t *testing.T) {
		p, old, now := replaced(t)
		p.gap(told(pubsub.Replaced, old[2].Pos, other))
		p.deliver(now...)
		p.finds(epoch)
	})
	t.Run("another epoch, too wide", func(t *testing.T) {
		p, old, now := replaced(t)
		p.gap(told(pubsub.Replaced, old[2].Pos, now[0].Pos))
		p.deliver(now[1])
		p.finds(epoch, BadGap, BadGap) // not in front of the oldest; over what the log has
	})
	t.Run("another epoch without a word", func(t *testing.T) {
		p, _, now := replaced(t)
		p.deliver(now...)
		p.finds(epoch, Disorder, Lost, Lost)
	})
	t.Run("a reason that does not fit the epochs", func(t *testing.T) {
		p, old, now := replaced(t)
		p.gap(told(pubsub.Rollback, old[2].Pos, other))
		p.deliver(now...)
		p.finds(rollback, BadGap)
	})
}

func TestBadLog(t *testing.T) {
	t.Run("a hole", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 3, "")
		p.deliver(ms...)
		p.keep(first, ms[0], ms[2])
		p.finds(nil, BadLog, Lost)
	})
	t.Run("a trimmed front", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 3, "")
		p.deliver(ms...)
		p.keep(ms[0].Pos, ms[1:]...)
		p.finds(nil, BadLog, Lost)
	})
	t.Run("another place than was acknowledged", func(t *testing.T) {
		p := begin(t)
		p.Sent(channel, content(1))
		m := message(first, 1, "")
		p.Acknowledged(content(1).Tag, m.ID, message(m.Pos, 1, "").Pos, p.now)
		p.deliver(m)
		p.keep(first, m)
		p.finds(nil, BadLog)
	})
	t.Run("a scar that leads back", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 2, "")
		p.deliver(ms...)
		p.keep(first, ms...)
		p.Scar(channel, ms[0].Pos)
		p.finds(nil, BadLog)
	})
}

func TestProtocol(t *testing.T) {
	p := begin(t)
	ms := p.publish(first, 1, 3, "")
	p.deliver(ms...)
	p.sub.Stands(channel, ms[2].Pos)
	p.keep(first, ms...)
	p.finds(nil)
	p.sub.Stands(channel, ms[1].Pos)
	p.Broken("ann", fmt.Errorf("something"))
	p.Late("something")
	p.finds(nil, Protocol, Protocol, Late)
}

func TestCatchUp(t *testing.T) {
	p := begin(t)
	ms := p.publish(first, 1, 3, "")
	p.Healed(p.now.Add(time.Second / 2))
	healed := p.now.Add(time.Second / 2)
	p.now = p.now.Add(5 * time.Second)
	p.deliver(ms...)
	v := p.Judge()
	if got, want := v.CatchUp, 7*time.Second+time.Second/2; got != want || v.Slowest != "ann" {
		t.Errorf("%q caught up in %v, want ann in %v", v.Slowest, got, want)
	}
	p.sub.Woke(healed.Add(5 * time.Second))
	if got, want := p.Judge().CatchUp, 2*time.Second+time.Second/2; got != want {
		t.Errorf("caught up in %v after it woke, want %v", got, want)
	}
}

func TestViolationsAreSpelledOutUpToABound(t *testing.T) {
	p := begin(t)
	p.keep(first, p.publish(first, 1, 3*spelledOut, "")...)
	v := p.Judge()
	if v.Violations[Lost] != 3*spelledOut || len(v.Texts) != spelledOut {
		t.Errorf("%d lost, %d described", v.Violations[Lost], len(v.Texts))
	}
}
