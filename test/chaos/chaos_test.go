package chaos

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A scenario is a fault and how it comes.
type scenario struct {
	name string

	// lossy names the reasons of the gaps that the fault may cause. None: Redis keeps its data.
	lossy []pubsub.Reason

	// loses tells that acknowledged messages have to be gone, or the fault did not hit.
	loses bool

	play func(r *run)
}

// scenarios are all faults.
var scenarios = []scenario{
	frozen, away, killed, emptied,
	lostTail, failover, switchover, masterKilled, slotMoved,
	unsubscribed, cutOff, muted,
	crashed, rolling, embedded,
}

// A control is a scenario played with instances that have a flaw: it has to be found.
type control struct {
	name, flaw string
	scenario   scenario
}

var controls = []control{
	{"catch-up after a broken line off", "catchup", cutOff},
	{"digest ignored", "digest", lostTail},
	{"canary off", "canary", muted},
}

// TestChaos plays every scenario with every seed.
func TestChaos(t *testing.T) {
	for _, s := range scenarios {
		results.reserve(s.name, false)
		each(t, s.name, func(t *testing.T, seed uint64) { s.run(t, s.name, seed, "") })
	}
}

// TestControls plays scenarios with flaws.
func TestControls(t *testing.T) {
	for _, c := range controls {
		results.reserve(c.name, true)
		each(t, c.name, func(t *testing.T, seed uint64) { c.scenario.run(t, c.name, seed, c.flaw) })
	}
}

func each(t *testing.T, name string, run func(t *testing.T, seed uint64)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		for n := range *seeds {
			seed := *firstSeed + uint64(n)
			t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
				t.Parallel()
				run(t, seed)
			})
		}
	})
}

func (s *scenario) run(t *testing.T, name string, seed uint64, flaw string) {
	r := newRun(t, name, seed, flaw)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("to repeat: make chaos RUN='%s' SEED=%d SEEDS=1", name, seed)
		}
	})
	s.play(r)
	v := r.finish(s)
	t.Log(describe(&v))
	results.add(name, seed, &v, t.Failed() || v.OK() != (flaw == ""))
	switch {
	case flaw == "" && !v.OK():
		t.Errorf("the word was not kept:\n%s", strings.Join(v.Texts, "\n"))
	case flaw != "" && v.OK():
		t.Errorf("instances with the flaw %s kept their word: the fault or the ledger is too weak", flaw)
	case flaw != "":
		t.Logf("the flaw %s was found:\n%s", flaw, strings.Join(v.Texts[:min(5, len(v.Texts))], "\n"))
	}
}
