package ledger

import (
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

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
