package transport_test

import (
	"bytes"
	"crypto/rand"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestHTTPStreamLines(t *testing.T) {
	s := open(t, setup{})
	l := s.httpStream("channels=a,b")
	welcome := expect(l, "welcome")
	if len(welcome.Cursor) != 2 || welcome.Client == "" {
		t.Fatalf("%+v", welcome)
	}
	m := s.publish("b", "1")
	e := expect(l, "message")
	if e.Message.Pos != m.Pos || e.Cursor.String() != "b@"+m.Pos.String() {
		t.Fatalf("%+v with cursor %q, want only b in it", e.Message, e.Cursor)
	}
	if _, err := s.bridge.Purge(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if e := expect(l, "gap"); e.Gap.Reason != pubsub.Purged || e.Cursor.String() != "a@"+e.Gap.To.String() {
		t.Fatalf("%+v with cursor %q", e.Gap, e.Cursor)
	}
}

func TestHTTPStreamCarriesBytesUnchanged(t *testing.T) {
	s := open(t, setup{})
	l := s.httpStream("channels=a")
	expect(l, "welcome")
	want := make([]byte, 70_000)
	rand.Read(want)
	s.publishData("a", pubsub.Data{Kind: pubsub.Binary, Bytes: want})
	e := expect(l, "message")
	if e.Message.Data.Kind != pubsub.Binary || !bytes.Equal(e.Message.Data.Bytes, want) {
		t.Fatalf("%d bytes came back otherwise", len(e.Message.Data.Bytes))
	}
}
