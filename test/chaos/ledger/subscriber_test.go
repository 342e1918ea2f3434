package ledger

import (
	"fmt"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

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
	t.Run("under two ids where nothing can be lost", func(t *testing.T) {
		for _, known := range []bool{false, true} {
			p := begin(t)
			ms := p.publish(first, 1, 1, "new")
			ghost := message(first, 1, "")
			p.deliver(ghost)
			p.gap(told(pubsub.Rollback, ghost.Pos, first))
			p.deliver(ms...)
			if known {
				p.keep(first, ms...)
			}
			p.finds(nil, BadGap, Twice)
		}
	})
	t.Run("not what was lost and repeated", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 2, "")
		p.Sent(channel, content(3), p.now)
		lost, again := message(ms[1].Pos, 3, ""), message(ms[1].Pos, 3, "new")
		p.deliver(append(ms, lost)...)
		p.gap(told(pubsub.Rollback, lost.Pos, ms[1].Pos))
		p.Acknowledged(content(3).Tag, again.ID, again.Pos, p.now)
		p.deliver(again)
		p.keep(first, append(ms, again)...)
		p.finds([]pubsub.Reason{pubsub.Rollback})
	})
	t.Run("not what was lost and repeated under its id", func(t *testing.T) {
		p := begin(t)
		ms := p.publish(first, 1, 2, "")
		p.Sent(channel, content(3), p.now)
		p.Sent(channel, content(4), p.now)
		lost := message(ms[1].Pos, 3, "")
		behind := message(lost.Pos, 4, "")
		again := message(ms[1].Pos, 4, "")
		p.deliver(append(ms, lost, behind)...)
		p.gap(told(pubsub.Rollback, behind.Pos, ms[1].Pos))
		p.Acknowledged(content(4).Tag, again.ID, again.Pos, p.now)
		p.deliver(again)
		p.keep(first, append(ms, again)...)
		p.finds([]pubsub.Reason{pubsub.Rollback})
		p.deliver(again)
		p.finds([]pubsub.Reason{pubsub.Rollback}, Disorder, Twice)
	})
}

func TestGivenAgainByAFormerMaster(t *testing.T) {
	for _, test := range []struct {
		name        string
		split, kept bool
		want        []Kind
	}{
		{"where two masters lived", true, false, nil},
		{"where one lived", false, false, []Kind{Twice}},
		{"what the log has", true, true, []Kind{Twice}},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := begin(t)
			if test.split {
				p.Split()
			}
			ms := p.publish(first, 1, 2, "")
			p.Sent(channel, content(3), p.now)
			lost := message(ms[1].Pos, 3, "")
			p.deliver(append(ms, lost)...)
			p.gap(told(pubsub.Rollback, lost.Pos, ms[1].Pos))
			p.deliver(lost)
			p.gap(told(pubsub.Rollback, lost.Pos, ms[1].Pos))
			if test.kept {
				p.keep(first, append(ms, lost)...)
			} else {
				p.keep(first, ms...)
			}
			p.finds([]pubsub.Reason{pubsub.Rollback}, test.want...)
		})
	}
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
		p.Sent(channel, content(1), p.now)
		p.Sent(channel, content(2), p.now)
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
			p.Sent("another", content(9), p.now)
			p.Sent(channel, content(1), p.now)
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
