package websocket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestWriteFramesInOneWrite: several frames leave together, and nothing is allocated for them.
func TestWriteFramesInOneWrite(t *testing.T) {
	for _, size := range []int{10, 1000} {
		nc := &scripted{}
		c := NewConn(nc, Config{})
		var frames [][]byte
		for i := range 10 {
			frames = append(frames, AppendFrame(nil, OpText, true, false, bytes.Repeat([]byte{'a' + byte(i)}, size)))
		}
		if err := c.WriteFrames(frames...); err != nil {
			t.Fatal(err)
		}
		if nc.writes != 1 || nc.wrote.String() != string(bytes.Join(frames, nil)) {
			t.Errorf("%d writes, %d bytes", nc.writes, nc.wrote.Len())
		}
	}
}

func TestWriteDoesNotAllocate(t *testing.T) {
	var frames [][]byte
	for range 10 {
		frames = append(frames, AppendFrame(nil, OpText, true, false, make([]byte, 200)))
	}
	c := NewConn(&scripted{loop: true}, Config{})
	for name, write := range map[string]func() error{
		"frames":  func() error { return c.WriteFrames(frames...) },
		"frame":   func() error { return c.WriteFrames(frames[0]) },
		"message": func() error { return c.WriteMessage(OpText, frames[0]) },
		"ping":    func() error { return c.Ping(nil) },
	} {
		if n := testing.AllocsPerRun(100, func() {
			if err := write(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// TestWriteFramesLarge: vectored over TCP and gathered elsewhere, in order.
func TestWriteFramesLarge(t *testing.T) {
	for name, connect := range map[string]func(testing.TB, Config, Config) (*Conn, *Conn){"tcp": tcpPair, "pipe": pipePair} {
		t.Run(name, func(t *testing.T) {
			s, c := connect(t, Config{}, Config{})
			var frames [][]byte
			for i := range 100 {
				frames = append(frames, AppendFrame(nil, OpBinary, true, false, bytes.Repeat([]byte{byte(i)}, 20+i*300)))
			}
			kept := bytes.Join(frames, nil)
			go func() {
				if err := s.WriteFrames(frames...); err != nil {
					t.Error(err)
				}
				if err := s.WriteFrames(); err != nil {
					t.Error(err)
				}
				s.WriteFrames(frames[1])
			}()
			for i := range 101 {
				_, got, err := c.ReadMessage(within(t), nil)
				if i == 100 {
					i = 1
				}
				if err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, 20+i*300)) {
					t.Fatalf("frame %d: %d bytes, %v", i, len(got), err)
				}
			}
			if !bytes.Equal(bytes.Join(frames, nil), kept) {
				t.Error("the frames were changed")
			}
		})
	}
}

// TestWritersDoNotMix: streams, messages, frames and pings from many goroutines at once, and pongs for the peer's pings.
func TestWritersDoNotMix(t *testing.T) {
	var pongs sync.Map
	s, c := tcpPair(t, Config{}, Config{Options: Options{OnPong: func(p []byte) { pongs.Store(string(p), true) }}})
	const writers, each = 6, 50
	var writing sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for i := range each {
				letter := string(rune('a' + w))
				payload := strings.Repeat(letter, 1+i*200)
				var err error
				switch w % 3 {
				case 0:
					err = s.WriteMessage(OpText, []byte(payload))
				case 1:
					err = s.WriteFrames(AppendFrame(nil, OpText, true, false, []byte(payload)), AppendFrame(nil, OpPing, true, false, nil))
				case 2:
					var out *MessageWriter
					if out, err = s.Writer(OpText); err == nil {
						for part := range strings.SplitSeq(payload, "") {
							out.Write([]byte(part))
						}
						out.Flush()
						err = errors.Join(s.Ping([]byte(letter)), out.Close())
					}
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			if _, _, err := s.Next(context.Background()); err != nil {
				return
			}
		}
	})
	counts := map[string]int{}
	for range writers * each {
		_, got, err := c.ReadMessage(within(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		letter := string(got[:1])
		if strings.Trim(string(got), letter) != "" || len(got) != 1+counts[letter]*200 {
			t.Fatalf("message %d of %s: %s", counts[letter], letter, clip(string(got)))
		}
		counts[letter]++
	}
	writing.Wait()
	if err := c.Close(1000, ""); err != nil {
		t.Fatal(err)
	}
	reading.Wait()
}

// TestWriteTimeout: a peer that does not read costs one timeout, and then the connection is over.
func TestWriteTimeout(t *testing.T) {
	conversation(t, func(t *testing.T, s, c *Conn) {
		start := time.Now()
		if err := s.WriteMessage(OpText, []byte("nobody reads")); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(start); took != defaultWriteTimeout {
			t.Errorf("it took %v", took)
		}
		if err := s.WriteMessage(OpText, nil); !errors.Is(err, os.ErrDeadlineExceeded) || err != s.Err() {
			t.Error(err)
		}
	})
}

// TestWriteNoTimeout: a negative timeout waits as long as it takes.
func TestWriteNoTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, c := pipePair(t, Config{Options: Options{WriteTimeout: -1}}, Config{})
		go func() {
			time.Sleep(time.Hour)
			c.Next(context.Background())
		}()
		if err := s.WriteMessage(OpText, []byte("patient")); err != nil {
			t.Error(err)
		}
	})
}

// TestWaitingWriterIsReleased: who waits for its turn learns of the end.
func TestWaitingWriterIsReleased(t *testing.T) {
	conversation(t, func(t *testing.T, s, c *Conn) {
		w, err := s.Writer(OpText)
		if err != nil {
			t.Fatal(err)
		}
		waiting := make(chan error, 1)
		go func() { waiting <- s.WriteMessage(OpText, nil) }()
		synctest.Wait()
		s.CloseNow()
		if err := <-waiting; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if err := w.Close(); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

func TestWriteControlAsData(t *testing.T) {
	c := NewConn(&scripted{}, Config{})
	for _, op := range []Opcode{OpContinuation, OpPing, OpClose, 3} {
		if err := c.WriteMessage(op, nil); err != errNotData {
			t.Error(op, err)
		}
		if _, err := c.Writer(op); err != errNotData {
			t.Error(op, err)
		}
	}
	if err := c.Ping(make([]byte, 126)); err != errControlPayload {
		t.Error(err)
	}
}

// TestClientMasksWithFreshKeys: two equal messages differ on the wire.
func TestClientMasksWithFreshKeys(t *testing.T) {
	nc := &scripted{}
	c := NewConn(nc, Config{Side: ClientSide})
	for range 2 {
		if err := c.WriteMessage(OpText, []byte("secret text")); err != nil {
			t.Fatal(err)
		}
	}
	wire := nc.wrote.Bytes()
	if len(wire) != 34 || wire[1] != 0x80|11 || bytes.Equal(wire[2:6], wire[19:23]) || bytes.Contains(wire, []byte("secret")) {
		t.Errorf("%x", wire)
	}
}

func BenchmarkWriteFrames(b *testing.B) {
	for _, n := range []int{1, 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := NewConn(&scripted{loop: true}, Config{})
			var frames [][]byte
			for range n {
				frames = append(frames, AppendFrame(nil, OpText, true, false, make([]byte, 256)))
			}
			b.ReportAllocs()
			for b.Loop() {
				if err := c.WriteFrames(frames...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
