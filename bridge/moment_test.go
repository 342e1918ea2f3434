package bridge

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A wired broker has the line that the test says, and tells nobody when that changes.
type wired struct {
	pubsub.Broker
	line atomic.Uint64
}

func (w *wired) Line(pubsub.Channel) uint64 { return w.line.Load() }

func TestHowLongAMomentCounts(t *testing.T) {
	m := moment{time.Now(), 7}
	for _, test := range []struct {
		name string
		m    moment
		age  time.Duration
		line uint64
		want bool
	}{
		{"at once", m, 0, 7, true},
		{"a moment later", m, proofAge, 7, true},
		{"too late", m, proofAge + 1, 7, false},
		{"over another line", m, 0, 8, false},
		{"without a line", m, 0, 0, false},
		{"without one at any time", moment{time: m.time}, 0, 0, false},
		{"never", moment{}, 0, 7, false},
	} {
		if got := test.m.counts(moment{m.time.Add(test.age), test.line}); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

// What was learned from the log a moment ago spares a read to those who come back, until the
// line of announcements is another one: the log may have lost its end in between, and who comes
// may have been told of that elsewhere.
func TestWhatWasLearnedOverAnotherLine(t *testing.T) {
	for name, part := range map[string]struct {
		messages int // behind the position that is shown
	}{
		"from the tail": {messages: 3},
		"from a page":   {messages: tailMessages + 10},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, d := openDistant(t, 0)
				w := &wired{Broker: d}
				w.line.Store(1)
				b.broker = w
				at := front(publish(t, b, "c", 1))
				connect(t, b).subscribe("c", pubsub.Start{})
				for range part.messages - 1 {
					publish(t, b, "c", 1)
				}
				cost := func(what string, want int32) {
					t.Helper()
					d.asked.Store(0)
					c := connect(t, b)
					defer c.Close()
					c.subscribe("c", pubsub.Behind(at))
					if got := offsets(c.pull()); len(got) != part.messages {
						t.Fatalf("%s: %d messages, want %d", what, len(got), part.messages)
					}
					if n := d.asked.Load(); n != want {
						t.Errorf("%s: %d reads, want %d", what, n, want)
					}
				}
				cost("the first", 1)
				cost("one behind it", 0)
				w.line.Store(0)
				cost("without a line", 1)
				cost("without a line, one behind it", 1)
				w.line.Store(2)
				cost("over another line", 1)
				cost("over another line, one behind it", 0)
			})
		})
	}
}
