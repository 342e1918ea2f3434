package bridge

import (
	"errors"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Take gives what is queued and says what is left, without asking the broker.
func TestTakeLeavesLogsToPull(t *testing.T) {
	b := open(t, Options{Queue: 1000}, ample, nil)
	c := connect(t, b)
	c.subscribe("c", pubsub.Start{})
	take := func(messages int) ([]Item, Rest) {
		t.Helper()
		items, rest, err := c.Take(nil, Limit{Messages: messages, Bytes: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		return items, rest
	}
	if items, rest := take(10); len(items) != 0 || rest != Nothing {
		t.Fatalf("nothing happened: %d items, rest %d", len(items), rest)
	}
	for range 3 {
		publish(t, b, "c", 1)
	}
	<-c.woken
	if items, rest := take(2); len(items) != 2 || rest != Queued {
		t.Fatalf("two of three: %d items, rest %d", len(items), rest)
	}
	if items, rest := take(2); len(items) != 1 || rest != Nothing {
		t.Fatalf("the third: %d items, rest %d", len(items), rest)
	}

	// More than the queue takes: the rest is in the log.
	for range 100 {
		publish(t, b, "c", 20)
	}
	<-c.woken
	var last uint64
	for {
		items, rest := take(1000)
		for _, o := range offsets(items) {
			if o != 4 && o != last+1 {
				t.Fatalf("%d behind %d", o, last)
			}
			last = o
		}
		if rest == Logs {
			break
		}
		if rest == Nothing {
			t.Fatalf("nothing is left at %d", last)
		}
	}
	if got := offsets(c.pull()); len(got) == 0 || got[0] != last+1 || got[len(got)-1] != 103 {
		t.Fatalf("the log gives %v behind %d", got, last)
	}
	if items, rest := take(10); len(items) != 0 || rest != Nothing {
		t.Fatalf("all is given: %d items, rest %d", len(items), rest)
	}

	c.Stop(ErrTooSlow)
	if _, _, err := c.Take(nil, Limit{Messages: 1, Bytes: 1}); !errors.Is(err, ErrTooSlow) {
		t.Errorf("stopped: %v", err)
	}
}
