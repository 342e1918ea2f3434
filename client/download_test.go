package client

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// noise returns bytes that no two places share.
func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{7})
	r.Read(b)
	return b
}

// trickle gives a reader's bytes at a pace.
type trickle struct {
	r     io.Reader
	piece int
	pause time.Duration
}

func (t *trickle) Read(p []byte) (int, error) {
	time.Sleep(t.pause)
	return t.r.Read(p[:min(len(p), t.piece)])
}

func TestStreamsArriveWhole(t *testing.T) {
	for _, tt := range []struct {
		name string
		line func(net.Conn) net.Conn // of the reader
		size int64                   // announced
	}{
		{name: "of a known size", size: 1 << 20},
		{name: "of an unknown size"},
		{name: "over connections that are cut after 3 s", line: cutAfter(3 * time.Second), size: 1 << 20},
		{name: "of an unknown size over connections that are cut after 3 s", line: cutAfter(3 * time.Second)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, data := serve(t), noise(1<<20)
				sender := s.backend()
				s.net.pass(tt.line)
				reader := s.client("origin", Options{})
				sub, err := reader.Subscribe(t.Context(), "open:a")
				if err != nil {
					t.Fatal(err)
				}
				var sent Sent
				var told int64
				ended := make(chan error, 1)
				go func() {
					var err error
					sent, err = sender.SendStream(t.Context(), "open:a", Upload{
						Name: "notes.bin", Type: "application/x-notes", Size: tt.size, Event: "file", Meta: map[string]string{"by": "ann"},
						Progress: func(n int64) { told = n },
					}, &trickle{bytes.NewReader(data), 16 << 10, 300 * time.Millisecond})
					ended <- err
				}()
				e, err := sub.Next(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				about := e.Message.Stream
				announced := int64(-1)
				if tt.size > 0 {
					announced = tt.size
				}
				if about == nil || about.Name != "notes.bin" || about.Type != "application/x-notes" || about.Size != announced || e.Message.Event != "file" || e.Message.Meta["by"] != "ann" {
					t.Fatalf("the beginning: %+v of %+v", about, e.Message)
				}
				stream, err := reader.OpenStream(t.Context(), about)
				if err != nil {
					t.Fatal(err)
				}
				defer stream.Close()
				got, err := io.ReadAll(stream)
				if err != nil || sha256.Sum256(got) != sha256.Sum256(data) || stream.Offset() != int64(len(data)) {
					t.Errorf("%d bytes of %d came: %v", len(got), len(data), err)
				}
				if err := <-ended; err != nil || told != int64(len(data)) {
					t.Errorf("sent %d bytes: %v", told, err)
				}
				e, err = sub.Next(t.Context())
				if err != nil || e.Message.Stream == nil || e.Message.Stream.State != pubsub.StreamComplete {
					t.Fatalf("the end: %+v, %v", e.Message, err)
				}
				if sent.End.ID != e.Message.ID.String() || sent.End.Pos != e.Message.Pos || sent.Stream != about.ID.String() || sent.Size != int64(len(data)) {
					t.Errorf("the receipt %+v is not of %+v", sent, e.Message)
				}
				if _, err := reader.OpenStream(t.Context(), e.Message.Stream); err == nil {
					t.Error("an end was opened")
				}
				time.Sleep(time.Second) // the last Read of what was sent
			})
		})
	}
}

func TestStreamThatIsCutSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		c := s.client("origin", Options{})
		sub, err := c.Subscribe(t.Context(), "open:a")
		if err != nil {
			t.Fatal(err)
		}
		lost := errors.New("the disk is gone")
		ended := make(chan error, 1)
		go func() {
			_, err := c.SendStream(t.Context(), "open:a", Upload{},
				io.MultiReader(&trickle{bytes.NewReader(noise(100 << 10)), 10 << 10, time.Second}, broken{lost}))
			ended <- err
		}()
		e, err := sub.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		stream, err := c.OpenStream(t.Context(), e.Message.Stream)
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		got, err := io.ReadAll(stream)
		if len(got) != 100<<10 || !errors.Is(err, ErrCut) && codeOf(err) != "not_found" {
			t.Errorf("%d bytes, and then %v", len(got), err)
		}
		if err := <-ended; !errors.Is(err, lost) {
			t.Errorf("SendStream returned %v", err)
		}
		if e, err := sub.Next(t.Context()); err != nil || e.Message.Stream.State != pubsub.StreamCut {
			t.Errorf("the end: %+v, %v", e.Message, err)
		}
	})
}

type broken struct{ error }

func (b broken) Read([]byte) (int, error) { return 0, b.error }

func TestStreamRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := serve(t)
		c := s.client("origin", Options{})
		if _, err := c.SendStream(t.Context(), "private:a", Upload{}, bytes.NewReader(noise(10))); codeOf(err) != "unauthorized" {
			t.Errorf("where the client may not publish: %v", err)
		}
		if _, err := c.OpenStream(t.Context(), &pubsub.Stream{ID: [16]byte{1}, Size: -1}); codeOf(err) != "not_found" {
			t.Errorf("one that was never sent: %v", err)
		}
		sub, err := c.Subscribe(t.Context(), "open:a")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.SendStream(t.Context(), "open:a", Upload{}, bytes.NewReader(noise(10))); err != nil {
			t.Fatal(err)
		}
		e, err := sub.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := c.OpenStream(t.Context(), e.Message.Stream); codeOf(err) != "not_found" {
			t.Errorf("one that ended a minute ago: %v", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.SendStream(ctx, "open:a", Upload{}, bytes.NewReader(noise(10))); !errors.Is(err, context.Canceled) {
			t.Errorf("with a context that is over: %v", err)
		}
	})
}
