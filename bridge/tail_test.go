package bridge

import (
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// chain makes n messages that follow p.
func chain(p pubsub.Position, n, size int) []*pubsub.Message {
	var ms []*pubsub.Message
	for range n {
		id := uuid.Must(uuid.NewV7())
		p = p.Next(id)
		ms = append(ms, &pubsub.Message{Channel: "c", ID: id, Pos: p, Data: pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, size)}})
	}
	return ms
}

func TestTailKnowsItsPositions(t *testing.T) {
	var tl tail
	var total atomic.Int64
	front := pubsub.Position{Epoch: "e", Offset: 7, Digest: 9}
	ms := chain(front, 5, 10)
	for _, m := range ms {
		tl.push(&Delivery{Message: m}, &total)
	}
	forged := ms[2].Pos
	forged.Digest++
	wrongFront := front
	wrongFront.Digest++
	for _, c := range []struct {
		name  string
		p     pubsub.Position
		known bool
		n     int
	}{
		{"in front of the oldest", front, true, 5},
		{"the oldest", ms[0].Pos, true, 4},
		{"in the middle", ms[2].Pos, true, 2},
		{"the end", ms[4].Pos, true, 0},
		{"older", pubsub.Position{Epoch: "e", Offset: 6}, false, 0},
		{"newer", ms[4].Pos.Next(uuid.Nil), false, 0},
		{"another digest", forged, false, 0},
		{"another digest in front", wrongFront, false, 0},
		{"another epoch", pubsub.Position{Epoch: "f", Offset: 9}, false, 0},
		{"zero", pubsub.Position{}, false, 0},
	} {
		missed, known := tl.behind(c.p)
		if known != c.known || known && len(missed) != c.n {
			t.Errorf("%s: %d missed, known %v; want %d, %v", c.name, len(missed), known, c.n, c.known)
		}
	}
	if d := tl.delivery(ms[3]); d != tl.deliveries[3] {
		t.Error("a message of the log is not taken from the tail")
	}
	if d := tl.delivery(chain(front, 1, 1)[0]); d == tl.deliveries[0] {
		t.Error("another message with the same offset is taken from the tail")
	}
}

func TestTailIsBounded(t *testing.T) {
	var tl tail
	var total atomic.Int64
	for _, m := range chain(pubsub.Position{Epoch: "e"}, 1000, 10) {
		tl.push(&Delivery{Message: m}, &total)
	}
	if len(tl.deliveries) != tailMessages {
		t.Errorf("%d messages kept, want %d", len(tl.deliveries), tailMessages)
	}
	for _, m := range chain(pubsub.Position{Epoch: "e", Offset: 1000}, 100, 60<<10) {
		tl.push(&Delivery{Message: m}, &total)
	}
	if tl.bytes > tailBytes || int64(tl.bytes) != total.Load() {
		t.Errorf("%d bytes kept, %d counted, at most %d", tl.bytes, total.Load(), tailBytes)
	}
	total.Add(tailBudget)
	for _, m := range chain(pubsub.Position{Epoch: "e", Offset: 1100}, 3, 10) {
		tl.push(&Delivery{Message: m}, &total)
	}
	if len(tl.deliveries) != 1 {
		t.Errorf("over the budget of all, %d messages are kept, want the newest", len(tl.deliveries))
	}
	tl.clear(&total)
	if total.Load() != tailBudget {
		t.Errorf("a cleared tail still counts %d bytes", total.Load()-tailBudget)
	}
}
