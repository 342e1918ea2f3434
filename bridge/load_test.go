package bridge

import (
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestLoad(t *testing.T) {
	b, _ := openAiling(t, Options{})
	one, two := connect(t, b), connect(t, b)
	one.subscribe("a", pubsub.Start{})
	one.subscribe("b", pubsub.Start{})
	two.subscribe("a", pubsub.Start{})
	if channels, subscriptions := b.Load(); channels != 2 || subscriptions != 3 {
		t.Errorf("%d channels with %d subscriptions, want 2 with 3", channels, subscriptions)
	}
	one.Close()
	if channels, subscriptions := b.Load(); channels != 1 || subscriptions != 1 {
		t.Errorf("a channel that lingers counts: %d channels with %d subscriptions, want 1 with 1", channels, subscriptions)
	}
}

func TestLongestQueue(t *testing.T) {
	b := open(t, Options{Queue: 5000}, ample, nil)
	if n := b.LongestQueue(); n != 0 {
		t.Errorf("%d bytes wait for nobody", n)
	}
	slow, brisk := connect(t, b), connect(t, b)
	slow.subscribe("a", pubsub.Start{})
	brisk.subscribe("a", pubsub.Start{})
	brisk.subscribe("b", pubsub.Start{})
	brisk.pull()
	first := publish(t, b, "a", 2000).Size()
	brisk.pull()
	publish(t, b, "b", 1000)
	if n := b.LongestQueue(); n != first {
		t.Errorf("the longest queue holds %d bytes, want %d", n, first)
	}
	publish(t, b, "a", 4000) // does not fit: it falls behind, and what it has stays
	brisk.pull()
	if n := b.LongestQueue(); n != first {
		t.Errorf("one that is behind counts as well: %d bytes, want %d", n, first)
	}
	slow.pull()
	if n := b.LongestQueue(); n != 0 {
		t.Errorf("%d bytes wait when all was taken", n)
	}
}
