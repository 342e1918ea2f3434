package transport

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A log that was purged while its channel is in the answer already: the gap must not stand
// in front of messages that came before it.
func TestAnswerEndsInFrontOfASecondGap(t *testing.T) {
	at := func(c pubsub.Channel, epoch pubsub.Epoch, offset uint64) *bridge.Delivery {
		return &bridge.Delivery{Message: &pubsub.Message{
			Channel: c, ID: uuid.New(), Pos: pubsub.Position{Epoch: epoch, Offset: offset},
			Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("1")},
		}}
	}
	gap := func(c pubsub.Channel, to pubsub.Epoch) *bridge.Gap {
		return &bridge.Gap{Gap: pubsub.Gap{Channel: c, Reason: pubsub.Purged, To: pubsub.Position{Epoch: to}}}
	}
	a := newAnswer(100, time.Time{})
	defer a.release()
	a.begin(pubsub.Cursor{{Channel: "a"}, {Channel: "b"}})
	for _, it := range []bridge.Item{gap("a", "one"), at("a", "one", 1), gap("b", "one"), at("b", "one", 1)} {
		if !a.add(it) {
			t.Fatalf("%+v did not fit", it)
		}
	}
	if a.add(gap("a", "two")) {
		t.Fatal("the second gap was taken")
	}
	got, err := wire.ParseAnswer(a.end(0))
	if err != nil {
		t.Fatal(err)
	}
	start, _ := got.Cursor.Find("a")
	if !got.More || len(got.Gaps) != 2 || len(got.Messages) != 2 || start.Pos.Epoch != "one" || start.Pos.Offset != 1 {
		t.Fatalf("%+v, want two gaps, two messages, more, and a at one-1", got)
	}
}
