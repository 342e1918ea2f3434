package membroker

import (
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestRollback(t *testing.T) {
	s := start(t, Options{Retention: keep(plenty)})
	s.follow("a")
	messages := s.add("a", 5)
	lost := s.send(keyed("a", "k")).Message
	end, err := s.Rollback(t.Context(), "a", 3)
	if err != nil {
		t.Fatalf("Rollback: %v", err)
	}
	same(t, "the end", messages[2].Pos, end)
	same(t, "breaks", 1, s.recorder.Breaks("a"))
	same(t, "beyond the end", &pubsub.Gap{Channel: "a", Reason: pubsub.Rollback, From: lost.Pos, To: end}, s.read("a", lost.Pos).Gap)
	same(t, "at the end", "", s.gap("a", end))

	again := s.send(keyed("a", "k"))
	same(t, "duplicate of a key that was lost", false, again.Duplicate)
	same(t, "its offset", 4, again.Message.Pos.Offset)
	same(t, "a position that the log had before", pubsub.Rollback, s.gap("a", messages[3].Pos))
	s.Unfollow("a")
	var bytes int64
	for _, m := range append(messages[:3], again.Message) {
		bytes += int64(m.Size())
	}
	same(t, "bytes in use", recordCost+1+keyCost("k")+bytes, s.Used())
}

func TestRollbackEndsAtTheFront(t *testing.T) {
	r := plenty
	r.Count = 2
	s := start(t, Options{Retention: keep(r)})
	messages := s.add("a", 5)
	end, err := s.Rollback(t.Context(), "a", 1)
	if err != nil {
		t.Fatalf("Rollback: %v", err)
	}
	same(t, "the end", messages[2].Pos, end)
	same(t, "kept", 0, len(s.read("a", pubsub.Position{}).Messages))
}
