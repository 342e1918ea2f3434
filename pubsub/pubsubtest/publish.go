package pubsubtest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/wsbridge/wsbridge/pubsub"
)

func (s suite) publish(t *testing.T) {
	t.Run("positions count without holes and chain their digests", func(t *testing.T) {
		f := s.start(t, Config{})
		before := f.read(pubsub.Position{}, all).End
		if before.Epoch == "" || before.Offset != 0 || before.Digest != 0 {
			t.Fatalf("an unused channel stands at %s, want EPOCH-0-00000000", before)
		}
		for i, m := range f.add(20) {
			want := before.Next(m.ID)
			if m.Pos != want || m.Pos.Offset != uint64(i+1) {
				t.Fatalf("message %d stands at %s, want %s", i+1, m.Pos, want)
			}
			before = m.Pos
		}
	})

	t.Run("what was published is read, byte for byte", func(t *testing.T) {
		f := s.start(t, Config{})
		binary := make([]byte, 70_000)
		for i := range binary {
			binary[i] = byte(i * 7)
		}
		publications := []pubsub.Publication{
			{Event: "only an event"},
			{Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(`null`)}},
			{Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(`{"n":9007199254740993,"s":"\u0000ü\\"}`)}},
			{Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(`""`)}, Event: "Ünï\ncode"},
			{Data: pubsub.Data{Kind: pubsub.Binary, Bytes: binary}},
			{Data: pubsub.Data{Kind: pubsub.Binary, Bytes: []byte{}}},
			{
				Event: "all", Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(`[1]`)},
				From: &pubsub.Sender{User: "ann: b", Client: "c-1"}, Meta: map[string]string{"a": "1", "ö": ""},
			},
			{Stream: &pubsub.Stream{ID: uuid.Must(uuid.NewV7()), Name: "ü.txt", Type: "text/plain", Size: -1}},
			{Event: "end", Stream: &pubsub.Stream{ID: uuid.Must(uuid.NewV7()), State: pubsub.StreamComplete, Size: 5 << 40}},
			{Event: "anonymous", From: &pubsub.Sender{Client: "c-2"}},
		}
		var want []*pubsub.Message
		for _, p := range publications {
			p.Channel, p.ID = f.channel, uuid.Must(uuid.NewV7())
			receipt := f.must(p)
			if receipt.Duplicate {
				t.Errorf("a first publication was called a duplicate")
			}
			m := receipt.Message
			same(t, "the receipt's message", &pubsub.Message{
				Channel: p.Channel, ID: p.ID, Event: p.Event, Data: p.Data, From: p.From, Meta: p.Meta, Stream: p.Stream,
				Pos: m.Pos, Time: m.Time,
			}, m)
			want = append(want, m)
		}
		same(t, "what is read", want, f.read(pubsub.Position{}, all).Messages)
	})

	t.Run("times are UTC in milliseconds and never go back", func(t *testing.T) {
		f := s.start(t, Config{})
		var last time.Time
		for _, m := range f.add(50) {
			if m.Time.Location() != time.UTC || m.Time.Nanosecond()%int(time.Millisecond) != 0 {
				t.Fatalf("the time is %v, want UTC in whole milliseconds", m.Time)
			}
			if m.Time.Before(last) {
				t.Fatalf("the time went back from %v to %v", last, m.Time)
			}
			last = m.Time
		}
	})

	t.Run("channels are apart", func(t *testing.T) {
		f := s.start(t, Config{})
		other := f.channel + ".other"
		mine := f.add(3)
		theirs := f.must(NewPublication(other, "x")).Message
		if theirs.Pos.Offset != 1 || theirs.Pos.Epoch == mine[0].Pos.Epoch {
			t.Errorf("the first message of another channel stands at %s, next to %s", theirs.Pos, mine[0].Pos)
		}
		same(t, "the log", mine, f.read(pubsub.Position{}, all).Messages)
	})

	t.Run("asking for a replica stores at any rate", func(t *testing.T) {
		f := s.start(t, Config{})
		p := NewPublication(f.channel, "x")
		p.Replicated, p.Key = true, "k"
		for _, duplicate := range []bool{false, true} {
			receipt, err := f.Publish(f.ctx, p)
			if err != nil && !errors.Is(err, pubsub.ErrNotReplicated) {
				t.Fatalf("Publish: %v", err)
			}
			if receipt.Message == nil || receipt.Message.ID != p.ID || receipt.Duplicate != duplicate {
				t.Fatalf("the receipt is %+v with error %v, want the first message's, duplicate: %v", receipt, err, duplicate)
			}
		}
		if n := len(f.read(pubsub.Position{}, all).Messages); n != 1 {
			t.Errorf("%d messages are stored, want 1", n)
		}
	})

	t.Run("a context that ended stores nothing", func(t *testing.T) {
		f := s.start(t, Config{})
		ctx, cancel := context.WithCancel(f.ctx)
		cancel()
		if _, err := f.Publish(ctx, NewPublication(f.channel, "x")); !errors.Is(err, context.Canceled) {
			t.Errorf("Publish: %v, want %v", err, context.Canceled)
		}
		if page := f.read(pubsub.Position{}, all); page.End.Offset != 0 {
			t.Errorf("the log's end is %s, want offset 0", page.End)
		}
	})
}
