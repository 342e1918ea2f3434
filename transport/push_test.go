package transport_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// noise returns bytes of which no two places look alike.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8(sha256.Sum256([]byte("stream"))).Read(b)
	return b
}

// openWithStreams opens a site that relays streams.
func openWithStreams(t *testing.T, o relay.Options) (*site, *relay.Relay) {
	t.Helper()
	r := relay.New(o)
	s := open(t, setup{Options: transport.Options{Relay: r}})
	t.Cleanup(r.Close) // in front of the server's end
	return s, r
}

// sendStream begins a stream and announces it.
func (s *site) sendStream(r *relay.Relay, c pubsub.Channel) *relay.Sender {
	s.t.Helper()
	w, err := r.Send(context.Background(), relay.Info{Channel: c, Type: "a/b", Size: -1}, "")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { w.Cut(relay.BySender) })
	s.announce(c, &pubsub.Stream{ID: w.ID(), Type: "a/b", Size: -1})
	return w
}

func (s *site) announce(c pubsub.Channel, st *pubsub.Stream) {
	s.t.Helper()
	if _, err := s.bridge.Publish(context.Background(), pubsub.Publication{Channel: c, Stream: st}); err != nil {
		s.t.Fatal(err)
	}
}

func write(t *testing.T, w *relay.Sender, b []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.Write(ctx, b); err != nil {
		t.Fatal(err)
	}
}

// join subscribes to a channel with its streams.
func (l *socketLine) join(c string) {
	l.s.t.Helper()
	l.send(`{"type":"subscribe","ref":1,"channel":"%s","streams":true}`, c)
	expect(l, "subscribed")
}

// collect reads pieces until the end of the stream; other events are shown.
func (l *socketLine) collect(id uuid.UUID, other func(wire.Event)) (all []byte, last *wire.Piece) {
	l.s.t.Helper()
	for {
		e := l.next()
		if e.Piece == nil {
			other(e)
			continue
		}
		if e.Piece.ID != id.String() || e.Piece.Offset != int64(len(all)) {
			l.s.t.Fatalf("a piece of %s at %d, want %s at %d", e.Piece.ID, e.Piece.Offset, id, len(all))
		}
		if all = append(all, e.Piece.Bytes...); e.Piece.State != "" {
			return all, e.Piece
		}
	}
}

func TestWebSocketIsGivenStreamsBetweenItsMessages(t *testing.T) {
	s, r := openWithStreams(t, relay.Options{})
	l, plain := s.webSocket("token=ann", nil), s.webSocket("token=ann&channels=files,news", nil)
	expect(l, "welcome")
	expect(plain, "welcome")
	expect(plain, "subscribed")
	expect(plain, "subscribed")
	l.join("files")
	l.send(`{"type":"subscribe","ref":2,"channel":"news"}`)
	expect(l, "subscribed")
	w := s.sendStream(r, "files")
	if m := expect(l, "message").Message; m.Stream == nil || m.Stream.ID != w.ID() || m.Stream.Size != -1 || m.Stream.Type != "a/b" {
		t.Fatalf("the beginning is %+v", m.Stream)
	}
	// Each piece comes as soon as it is there.
	write(t, w, []byte("hello"))
	if p := expect(l, "stream").Piece; string(p.Bytes) != "hello" || p.Offset != 0 || p.State != "" || p.Channel != "files" {
		t.Fatalf("%+v", p)
	}
	sent := noise(10 << 20)
	go func() {
		w.Write(context.Background(), sent)
		for i := range 10 {
			s.bridge.Publish(context.Background(), pubsub.Publication{Channel: "news", Event: fmt.Sprint(i)})
		}
		w.Complete()
		s.bridge.Publish(context.Background(), pubsub.Publication{Channel: "files", Stream: &pubsub.Stream{ID: w.ID(), State: pubsub.StreamComplete, Size: w.Size()}})
	}()
	news, at := 0, int64(5)
	for over := false; !over; {
		e := l.next()
		switch {
		case e.Piece != nil:
			if e.Piece.Offset != at || !bytes.Equal(e.Piece.Bytes, sent[at-5:at-5+int64(len(e.Piece.Bytes))]) {
				t.Fatalf("a piece of %d bytes at %d, want the one at %d", len(e.Piece.Bytes), e.Piece.Offset, at)
			}
			at += int64(len(e.Piece.Bytes))
			over = e.Piece.State == "complete"
		case e.Message.Channel == "news":
			news++
		}
	}
	if at != int64(len(sent))+5 || news != 10 {
		t.Errorf("%d bytes and %d messages came", at, news)
	}
	// Who has not asked gets the messages only.
	for range 12 {
		expect(plain, "message")
	}
}

func TestStreamsTakeTurns(t *testing.T) {
	s, r := openWithStreams(t, relay.Options{})
	l := s.webSocket("token=ann", nil)
	expect(l, "welcome")
	l.join("files")
	one, other := s.sendStream(r, "files"), s.sendStream(r, "files")
	write(t, one, noise(3<<20))
	write(t, other, noise(3<<20))
	one.Complete()
	other.Complete()
	got := map[string]int64{one.ID().String(): 0, other.ID().String(): 0}
	for ends := 0; ends < 2; {
		e := l.next()
		if e.Piece == nil {
			continue
		}
		if got[e.Piece.ID] += int64(len(e.Piece.Bytes)); e.Piece.State == "complete" {
			ends++
		}
	}
	for id, n := range got {
		if n != 3<<20 {
			t.Errorf("%s: %d bytes", id, n)
		}
	}
}

func TestUnsubscribeEndsStreams(t *testing.T) {
	s, r := openWithStreams(t, relay.Options{})
	l := s.webSocket("token=ann", nil)
	expect(l, "welcome")
	l.join("files")
	w := s.sendStream(r, "files")
	expect(l, "message")
	write(t, w, []byte("hello"))
	expect(l, "stream")
	l.send(`{"type":"unsubscribe","ref":2,"channel":"files"}`)
	expect(l, "ok")
	if _, consumers, _ := r.Load(); consumers != 0 {
		t.Errorf("%d consumers are left", consumers)
	}
	write(t, w, []byte("more"))
	s.announce("files", &pubsub.Stream{ID: uuid.New(), Size: -1})
	l.send(`{"type":"history","ref":3,"channel":"files"}`)
	expect(l, "ok")
}

func TestHowPushedStreamsEnd(t *testing.T) {
	s, r := openWithStreams(t, relay.Options{Consumers: 2})
	l := s.webSocket("token=ann", nil)
	expect(l, "welcome")
	l.join("files")
	w := s.sendStream(r, "files")
	write(t, w, []byte("hello"))
	w.Cut(relay.BySender)
	all, last := l.collect(w.ID(), func(wire.Event) {})
	if string(all) != "hello" || last.State != "cut" || last.Reason != "sender" {
		t.Errorf("%q, then %+v", all, last)
	}
	s.announce("files", &pubsub.Stream{ID: uuid.New(), Size: -1})
	expect(l, "message")
	if p := expect(l, "stream").Piece; p.State != "cut" || p.Reason != "gone" || p.Offset != 0 || len(p.Bytes) != 0 {
		t.Errorf("of one that is unknown: %+v", p)
	}
	for range 3 {
		s.sendStream(r, "files")
	}
	for {
		if e := l.next(); e.Piece != nil {
			if e.Piece.State != "cut" || e.Piece.Reason != "limit" {
				t.Errorf("of one too many: %+v", e.Piece)
			}
			break
		}
	}
}

// A client that reads nothing is cut from the stream and told so, when it reads again, and
// keeps its connection; the sender goes on meanwhile.
func TestWebSocketThatStandsStillLosesTheStreamOnly(t *testing.T) {
	s, r := openWithStreams(t, relay.Options{Stall: 300 * time.Millisecond})
	l := s.webSocket("token=ann", nil)
	expect(l, "welcome")
	l.join("files")
	w := s.sendStream(r, "files")
	write(t, w, noise(30<<20)) // more than lies in the buffers between
	w.Complete()
	_, last := l.collect(w.ID(), func(wire.Event) {})
	if last.State != "cut" || last.Reason != "too_slow" {
		t.Errorf("it was told %+v", last)
	}
	s.publish("files", "1")
	expect(l, "message")
}

func TestSocketThatLeavesLeavesItsStreams(t *testing.T) {
	s, r := openWithStreams(t, relay.Options{})
	l := s.webSocket("token=ann", nil)
	expect(l, "welcome")
	l.join("files")
	w := s.sendStream(r, "files")
	expect(l, "message")
	write(t, w, []byte("hello"))
	expect(l, "stream")
	l.conn.CloseNow()
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		if _, consumers, _ := r.Load(); consumers == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("its consumer is left")
		}
	}
}

func TestServerWithoutStreamsSaysSo(t *testing.T) {
	s := open(t, setup{})
	l := s.webSocket("token=ann", nil)
	expect(l, "welcome")
	l.send(`{"type":"subscribe","ref":1,"channel":"files","streams":true}`)
	if e := expect(l, "error"); e.Code != "not_supported" || e.Ref != "1" {
		t.Errorf("%+v", e)
	}
}
