package transport

import (
	"time"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A spending is what a WebSocket has sent lately. It belongs to who has the inlet.
type spending struct{ commands, bytes bucket }

// spendBytes counts bytes as they came, whatever they are: control frames cost answers, too.
func (c *socket) spendBytes(n int) {
	l := &c.server.limits
	if !l.bytes.limited() || c.ending.Load() != nil {
		return
	}
	now := l.now()
	if over := c.spent.bytes.over(l.bytes, now); over >= l.bytes.burst {
		c.refuse("", c.server.limited(limitByteRate, bytesRefused(l, over)))
		return
	}
	c.spent.bytes.charge(l.bytes, now, n)
}

// spendCommand counts a command, and answers it if it is not to be obeyed. One that is not
// counts as well: whoever goes on all the same is sent away.
func (c *socket) spendCommand(ref wire.Ref) (obey bool) {
	l := &c.server.limits
	if !l.bytes.limited() && !l.commands.limited() {
		return true
	}
	now := l.now()
	if l.bytes.limited() {
		if over := c.spent.bytes.over(l.bytes, now); over > 0 {
			c.fail(ref, c.server.limited(limitByteRate, bytesRefused(l, over)))
			return false
		}
	}
	if !l.commands.limited() {
		return true
	}
	over := c.spent.commands.over(l.commands, now) + l.commands.cost(1)
	if over <= 0 {
		c.spent.commands.charge(l.commands, now, 1)
		return true
	}
	p := c.server.limited(limitCommandRate, problem.New(problem.RateLimited,
		"the connection sends more than %d commands a second", l.CommandRate).After(over+spread(2*time.Second)))
	if over > l.commands.burst {
		c.refuse(ref, p)
	} else {
		c.spent.commands.charge(l.commands, now, 1)
		c.fail(ref, p)
	}
	return false
}

func bytesRefused(l *limits, over time.Duration) problem.Problem {
	return problem.New(problem.RateLimited, "the connection sends more than %d bytes a second", l.ByteRate).
		After(over + spread(2*time.Second))
}
