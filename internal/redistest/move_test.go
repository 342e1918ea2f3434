package redistest

import (
	"strings"
	"testing"
)

func TestMoveSlot(t *testing.T) {
	t.Parallel()
	c := StartCluster(t, 3, 0)
	slot := Slot("{k}")
	from := c.MasterOf(slot)
	to := c.Nodes[0]
	if from == to {
		to = c.Nodes[1]
	}
	from.Do("SET", "{k}1", "one")
	from.Do("SET", "{k}2", "two")
	sub := dial(t, from.Addr())
	sub.send("SSUBSCRIBE", "{k}")
	sub.want("ssubscribe", "{k}", "1")

	m := c.BeginMove(slot, to)
	if n := m.Keys(1); n != 1 {
		t.Errorf("moved %d keys, want 1", n)
	}
	asked := 0
	for _, key := range []string{"{k}1", "{k}2"} {
		if _, err := from.TryDo("GET", key); err != nil && strings.HasPrefix(err.Error(), "ASK ") {
			asked++
		}
	}
	if asked != 1 {
		t.Errorf("in the midst of the move %d of 2 keys are asked for elsewhere, want 1", asked)
	}
	m.End()
	sub.want("sunsubscribe", "{k}", "0")
	if got := c.MasterOf(slot); got != to {
		t.Errorf("after the move the slot is at %s", got.Addr())
	}
	if got := to.Do("MGET", "{k}1", "{k}2"); got != "one\ntwo" {
		t.Errorf("after the move: %q", got)
	}

	c.MoveSlot(slot, from)
	if got := from.Do("MGET", "{k}1", "{k}2"); got != "one\ntwo" {
		t.Errorf("after the move back: %q", got)
	}
}
