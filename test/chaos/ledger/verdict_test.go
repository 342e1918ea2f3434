package ledger

import (
	"testing"
	"time"
)

func TestCatchUp(t *testing.T) {
	p := begin(t)
	ms := p.publish(first, 1, 3, "")
	p.Healed(p.now.Add(time.Second / 2))
	healed := p.now.Add(time.Second / 2)
	p.now = p.now.Add(5 * time.Second)
	p.deliver(ms...)
	hasty := p.Subscriber("hasty", false)
	hasty.Stands(channel, first)
	hasty.Delivered(ms[0], content(1), p.now.Add(time.Hour))
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
