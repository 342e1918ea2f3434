package ledger

import (
	"testing"
)

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
		p.Sent(channel, content(1), p.now)
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
	t.Run("a scar that leads nowhere", func(t *testing.T) {
		p := begin(t)
		p.keep(first)
		p.Scar(channel, first)
		p.Scar(channel, other.Next(id(1, "")))
		p.finds(nil, BadLog, BadLog)
	})
}
