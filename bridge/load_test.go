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
