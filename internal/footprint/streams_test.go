package footprint

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// TestStreamTakesAWindow sends 50 MiB through the server, to one who reads by GET and one who is
// given it over a WebSocket: it arrives whole, and the server holds its window and little else.
func TestStreamTakesAWindow(t *testing.T) {
	const (
		size    = 50 << 20
		maxHeap = 8 << 20 // above the start
	)
	s := start(t)
	s.publish("feed", "warm", []byte("up")) // what comes with the first request is not the stream's
	before := s.report(askAfter)

	socket, _, err := websocket.Dial(t.Context(), "ws://"+s.addr+"/v1/ws", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	if err := socket.WriteMessage(websocket.OpText, []byte(`{"type":"subscribe","ref":1,"channel":"files","streams":true}`)); err != nil {
		t.Fatal(err)
	}
	subscribed := make(chan struct{})
	begun, pushed := make(chan string, 1), make(chan received, 1)
	go func() { pushed <- readPushed(socket, subscribed, begun) }()
	<-subscribed

	from, to := io.Pipe()
	defer to.CloseWithError(io.ErrUnexpectedEOF)
	answered := make(chan error, 1)
	go func() {
		resp, err := s.web.Post("http://"+s.addr+"/v1/channels/files/streams", "application/octet-stream", from)
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode != http.StatusCreated {
				err = fmt.Errorf("the sender was answered %s", resp.Status)
			}
		}
		answered <- err
	}()
	down, err := s.web.Get("http://" + s.addr + "/v1/streams/" + <-begun)
	if err != nil {
		t.Fatal(err)
	}
	defer down.Body.Close()
	got := make(chan received, 1)
	go func() {
		h := sha256.New()
		n, err := io.Copy(h, down.Body)
		got <- received{fmt.Sprintf("%d bytes %x", n, h.Sum(nil)), err}
	}()

	h := sha256.New()
	rest := io.TeeReader(io.LimitReader(rand.NewChaCha8([32]byte{1}), size), h)
	var heap uint64
	for {
		if _, err := io.CopyN(to, rest, 1<<20); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		heap = max(heap, s.report(askAfter).Heap)
	}
	to.Close()
	want := fmt.Sprintf("%d bytes %x", size, h.Sum(nil))
	if r := <-got; r.what != want || r.err != nil {
		t.Errorf("by GET came %s, %v, want %s", r.what, r.err, want)
	}
	if r := <-pushed; r.what != want || r.err != nil {
		t.Errorf("the WebSocket was given %s, %v, want %s", r.what, r.err, want)
	}
	if err := <-answered; err != nil {
		t.Error(err)
	}
	t.Logf("heap at the start %.1f MiB, at most %.1f MiB more", mib(before.Heap), mib(heap-min(heap, before.Heap)))
	if heap > before.Heap+maxHeap {
		t.Errorf("the heap grew by %.1f MiB, at most %d are allowed", mib(heap-before.Heap), maxHeap>>20)
	}
}

// A received is what came of a stream, and why it ended if not whole.
type received struct {
	what string
	err  error
}

// readPushed reads the next stream that is pushed, and tells its id when it begins.
func readPushed(c *websocket.Conn, subscribed chan<- struct{}, begun chan<- string) received {
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	h, n := sha256.New(), int64(0)
	for {
		op, frame, err := c.ReadMessage(ctx, nil)
		if err != nil {
			return received{"", err}
		}
		parse := wire.ParseEvent
		if op == websocket.OpBinary {
			parse = wire.ParseFrame
		}
		e, err := parse(frame)
		switch {
		case err != nil:
			return received{"", err}
		case e.Type == wire.EventSubscribed:
			close(subscribed)
		case e.Message != nil && e.Message.Stream.State == pubsub.StreamBegins:
			begun <- e.Message.Stream.ID.String()
		case e.Piece != nil:
			if e.Piece.Offset != n {
				return received{"", fmt.Errorf("a piece at %d and not %d", e.Piece.Offset, n)}
			}
			h.Write(e.Piece.Bytes)
			n += int64(len(e.Piece.Bytes))
			if e.Piece.State != "" {
				if e.Piece.State != "complete" {
					err = fmt.Errorf("%s %s", e.Piece.State, e.Piece.Reason)
				}
				return received{fmt.Sprintf("%d bytes %x", n, h.Sum(nil)), err}
			}
		}
	}
}
