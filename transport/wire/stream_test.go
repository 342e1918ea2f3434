package wire

import (
	"bytes"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestPieces(t *testing.T) {
	id := uuid.NewString()
	for _, want := range []Piece{
		{Channel: "files:1", ID: id, Bytes: []byte("hello")},
		{Channel: "files:1", ID: id, Offset: math.MaxInt64, State: "complete", Bytes: []byte{}},
		{Channel: "files:1", ID: id, Offset: 9, State: "cut", Reason: "too_slow", Bytes: []byte{}},
	} {
		e, err := ParseFrame(AppendStreamFrame(nil, &want))
		if err != nil || e.Type != EventStream || e.Piece == nil {
			t.Fatalf("%+v, %v", e, err)
		}
		if diff := cmp.Diff(want, *e.Piece); diff != "" {
			t.Error(diff)
		}
	}
	const frame = `{"type":"stream","channel":"files:1","stream":"0192f3c4-7a11-7c3e-9d2a-6f0e5b1c8a47","offset":3}`
	got := AppendStreamFrame(nil, &Piece{Channel: "files:1", ID: "0192f3c4-7a11-7c3e-9d2a-6f0e5b1c8a47", Offset: 3, Bytes: []byte("x")})
	if want := append(append([]byte{0, 0, 0, byte(len(frame))}, frame...), 'x'); !bytes.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestStreamsInMessages(t *testing.T) {
	for _, want := range []*pubsub.Stream{
		{ID: uuid.New(), Name: `a "b" ü`, Type: "text/plain; charset=utf-8", Size: -1},
		{ID: uuid.New(), Type: "a/b", Size: 0},
		{ID: uuid.New(), State: pubsub.StreamComplete, Size: math.MaxInt64},
		{ID: uuid.New(), State: pubsub.StreamCut, Size: 5},
	} {
		m := pubsub.Message{Channel: "a", ID: uuid.New(), Pos: pubsub.Position{Epoch: "e", Offset: 1}, Stream: want}
		e, err := ParseEvent(AppendMessageEvent(nil, &m))
		if err != nil || e.Message == nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, e.Message.Stream); diff != "" {
			t.Error(diff)
		}
	}
}

// FuzzFrame holds that any binary frame is read or refused, and that a piece which is read is
// written back as it was understood.
func FuzzFrame(f *testing.F) {
	f.Add(AppendStreamFrame(nil, &Piece{Channel: "a", ID: "b", Offset: 7, State: "cut", Reason: "gone", Bytes: []byte("x")}))
	f.Add(AppendMessageFrame(nil, &pubsub.Message{Channel: "a", ID: uuid.New(), Pos: pubsub.Position{Epoch: "e", Offset: 1}, Data: pubsub.Data{Kind: pubsub.Binary}}))
	f.Add([]byte{0, 0, 0, 2, '{', '}'})
	f.Add([]byte("\x00\x00\x00\x11{\"type\":\"stream\"}")) // of no stream
	f.Add([]byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, frame []byte) {
		e, err := ParseFrame(frame)
		if err != nil || e.Piece == nil {
			return
		}
		if e.Piece.Offset < 0 {
			t.Fatalf("%+v", e.Piece)
		}
		again, err := ParseFrame(AppendStreamFrame(nil, e.Piece))
		if err != nil {
			t.Skip("its id is one that no server writes: it has to be escaped")
		}
		if diff := cmp.Diff(e.Piece, again.Piece); diff != "" {
			t.Fatal(diff)
		}
	})
}
