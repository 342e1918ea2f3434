package websocket

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a net.Conn that gives out pieces, one a read, and swallows what is written.
type scripted struct {
	net.Conn
	pieces [][]byte
	loop   bool
	at     int
	writes int
	wrote  bytes.Buffer
}

func (s *scripted) Read(p []byte) (int, error) {
	if s.at == len(s.pieces) {
		if !s.loop {
			return 0, io.EOF
		}
		s.at = 0
	}
	n := copy(p, s.pieces[s.at])
	if n < len(s.pieces[s.at]) {
		s.pieces[s.at] = s.pieces[s.at][n:]
		return n, nil
	}
	s.at++
	return n, nil
}

func (s *scripted) Write(p []byte) (int, error) {
	s.writes++
	if !s.loop {
		s.wrote.Write(p)
	}
	return len(p), nil
}
func (s *scripted) Close() error                     { return nil }
func (s *scripted) SetReadDeadline(time.Time) error  { return nil }
func (s *scripted) SetWriteDeadline(time.Time) error { return nil }

// TestReadMessageDoesNotAllocate: small messages into a buffer that has room, over a connection with a context.
func TestReadMessageDoesNotAllocate(t *testing.T) {
	c := NewConn(&scripted{pieces: [][]byte{AppendFrame(nil, OpText, true, false, []byte("hello"))}, loop: true}, Config{Side: ClientSide})
	buf := make([]byte, 0, 64)
	ctx := within(t)
	if n := testing.AllocsPerRun(100, func() {
		if _, got, err := c.ReadMessage(ctx, buf); err != nil || string(got) != "hello" {
			t.Fatal(got, err)
		}
	}); n != 0 {
		t.Errorf("%v allocations a message", n)
	}
}

// TestReadCancel: a context ends the wait and not the connection, between messages and inside one.
func TestReadCancel(t *testing.T) {
	conversation(t, func(t *testing.T, s, c *Conn) {
		first, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, _, err := s.ReadMessage(first, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if _, _, err := s.ReadMessage(first, nil); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		go c.WriteMessage(OpText, []byte("one"))
		if _, got, err := s.ReadMessage(context.Background(), nil); err != nil || string(got) != "one" {
			t.Fatal(got, err)
		}

		half := make(chan *MessageWriter, 1)
		go func() {
			w, _ := c.Writer(OpText)
			w.Write([]byte("two"))
			w.Flush()
			half <- w
		}()
		second, cancel := context.WithCancel(t.Context())
		_, r, err := s.Next(second)
		if err != nil {
			t.Fatal(err)
		}
		var p [10]byte
		if n, err := r.Read(p[:]); string(p[:n]) != "two" || err != nil {
			t.Fatal(n, err)
		}
		time.AfterFunc(time.Second, cancel)
		if _, err := r.Read(p[:]); err != context.Canceled {
			t.Fatal(err)
		}
		// The rest of that message is dropped by the next read.
		go func() {
			w := <-half
			w.Write([]byte("lost"))
			w.Close()
			c.WriteMessage(OpText, []byte("three"))
		}()
		if _, got, err := s.ReadMessage(t.Context(), nil); err != nil || string(got) != "three" {
			t.Fatalf("%q, %v", got, err)
		}
	})
}

// TestReadSwitchesContexts: the end of a context that is no longer read with changes nothing.
func TestReadSwitchesContexts(t *testing.T) {
	conversation(t, func(t *testing.T, s, c *Conn) {
		old, cancel := context.WithCancel(t.Context())
		go func() {
			c.WriteMessage(OpText, []byte("one"))
			time.Sleep(time.Second)
			cancel()
			time.Sleep(time.Second)
			c.WriteMessage(OpText, []byte("two"))
		}()
		if _, _, err := s.ReadMessage(old, nil); err != nil {
			t.Fatal(err)
		}
		if _, got, err := s.ReadMessage(t.Context(), nil); err != nil || string(got) != "two" {
			t.Fatal(got, err)
		}
		if _, _, err := s.ReadMessage(old, nil); err != context.Canceled {
			t.Fatal(err)
		}
	})
}

// registering counts who waits for its end.
type registering struct {
	context.Context
	done                chan struct{}
	waiting, registered int
}

func (r *registering) Done() <-chan struct{} { return r.done }

func (r *registering) AfterFunc(f func()) (stop func() bool) {
	r.waiting++
	r.registered++
	return func() bool { r.waiting--; return true }
}

// TestReadLetsGoOfItsContext: a loop registers with its context once, and the connection's end takes that back.
func TestReadLetsGoOfItsContext(t *testing.T) {
	ctx := &registering{Context: context.Background(), done: make(chan struct{})}
	c := NewConn(&looped{frame: AppendFrame(nil, OpText, true, false, nil)}, Config{Side: ClientSide})
	for range 10 {
		if _, _, err := c.ReadMessage(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	if ctx.waiting != 1 || ctx.registered != 1 {
		t.Errorf("%d of %d registrations", ctx.waiting, ctx.registered)
	}
	c.CloseNow()
	if ctx.waiting != 0 {
		t.Error("still registered")
	}
}

// TestReadCancelWithTakeover: with the window gone, so is the connection.
func TestReadCancelWithTakeover(t *testing.T) {
	for name, takeover := range map[string]bool{"takeover": true, "no takeover": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				options := &DeflateOptions{ServerContextTakeover: takeover, ClientContextTakeover: takeover}
				cfg := Config{Deflate: deflateFor(t, options, options), Deflation: options}
				s, c := pipePair(t, cfg, cfg)
				half := make(chan *MessageWriter, 1)
				go func() {
					w, _ := c.Writer(OpText)
					w.Write([]byte("half"))
					w.Flush()
					half <- w
				}()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, _, err := s.ReadMessage(ctx, nil); !errors.Is(err, context.DeadlineExceeded) {
					t.Fatal(err)
				}
				go func() {
					(<-half).Close()
					c.WriteMessage(OpText, []byte("next"))
				}()
				_, got, err := s.ReadMessage(t.Context(), nil)
				if takeover && (err == nil || s.Err() == nil) || !takeover && (err != nil || string(got) != "next") {
					t.Fatalf("%q, %v", got, err)
				}
			})
		})
	}
}

// TestReadMessageLimit: the limit holds for messages in one frame, in fragments, compressed, and where there is none.
func TestReadMessageLimit(t *testing.T) {
	frugal := &DeflateOptions{}
	for _, c := range []struct {
		name    string
		limit   int64
		deflate bool
		size    int
		stream  bool
		ok      bool
	}{
		{"whole", 1000, false, 1000, false, true},
		{"whole above", 1000, false, 1001, false, false},
		{"fragments", 9000, false, 9000, true, true},
		{"fragments above", 9000, false, 9001, true, false},
		{"compressed", 100_000, true, 100_000, false, true},
		{"compressed above", 100_000, true, 100_001, false, false},
		{"unlimited", -1, false, 1 << 20, false, true},
		{"unlimited above", -1, false, 1<<20 + 1, false, false},
		{"unlimited compressed above", -1, true, 1<<20 + 1, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			var cfg Config
			if c.deflate {
				cfg.Deflate, cfg.Deflation = deflateFor(t, frugal, frugal), frugal
			}
			limited := cfg
			limited.Options.Limits.MaxMessage = c.limit
			s, client := tcpPair(t, limited, cfg)
			go func() {
				p := []byte(strings.Repeat("a", c.size))
				if c.stream {
					w, _ := client.Writer(OpText)
					w.Write(p)
					w.Close()
				} else {
					client.WriteMessage(OpText, p)
				}
				client.Next(context.Background())
			}()
			_, got, err := s.ReadMessage(within(t), nil)
			if c.ok && (err != nil || len(got) != c.size) || !c.ok && err != error(errMessageTooBig) {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if !c.ok {
				<-client.Done()
				if CloseStatus(client.Err()) != StatusMessageTooBig {
					t.Error(client.Err())
				}
			}
		})
	}
}

// TestReadAnnouncedLength: a length that is only announced does not make memory.
func TestReadAnnouncedLength(t *testing.T) {
	head := appendHeader(nil, OpBinary, true, false, false, 1<<40)
	c := NewConn(&scripted{pieces: [][]byte{append(head, 1, 2, 3)}}, Config{Side: ClientSide, Options: Options{Limits: Limits{MaxMessage: 1 << 50}}})
	_, got, err := c.ReadMessage(within(t), nil)
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(got) != 3 || cap(got) > 16<<10 {
		t.Errorf("%d bytes of %d, %v", len(got), cap(got), err)
	}
}

// TestReadHooks: activity is told for all bytes, pongs with their payload.
func TestReadHooks(t *testing.T) {
	var pongs []string
	heard := 0
	in := [][]byte{AppendFrame(nil, OpPong, true, false, []byte("a")), AppendFrame(nil, OpPong, true, false, []byte("b")), AppendFrame(nil, OpText, true, false, nil)}
	c := NewConn(&scripted{pieces: in}, Config{Side: ClientSide, Options: Options{
		OnPong:     func(p []byte) { pongs = append(pongs, string(p)) },
		OnActivity: func() { heard++ },
	}})
	if _, _, err := c.Next(t.Context()); err != nil || heard != 3 || strings.Join(pongs, " ") != "a b" {
		t.Error(err, heard, pongs)
	}
}

// TestReaderPieces: a reader that is not read to its end, one read in tiny steps, and one behind its end.
func TestReaderPieces(t *testing.T) {
	var in [][]byte
	for range 3 {
		in = append(in, AppendFrame(nil, OpText, false, false, bytes.Repeat([]byte("ab"), 5000)), AppendFrame(nil, OpContinuation, true, false, []byte("c")))
	}
	c := NewConn(&scripted{pieces: in}, Config{Side: ClientSide})
	_, r, _ := c.Next(t.Context())
	r.Read(make([]byte, 1))
	_, r, _ = c.Next(t.Context())
	got, err := io.ReadAll(oneByte{r})
	if err != nil || string(got) != strings.Repeat("ab", 5000)+"c" {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if n, err := r.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Error(n, err)
	}
	if n, err := r.Read(nil); n != 0 || err != nil {
		t.Error(n, err)
	}
	_, r, _ = c.Next(t.Context())
	if _, err := io.Copy(failing{}, r); err != io.ErrShortWrite {
		t.Error(err)
	}
	if _, _, err := c.Next(t.Context()); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:1]) }

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

func BenchmarkReadMessage(b *testing.B) {
	for name, size := range map[string]int{"100": 100, "64KiB": 64 << 10} {
		b.Run(name, func(b *testing.B) {
			frame := AppendFrame(nil, OpBinary, true, false, make([]byte, size))
			c := NewConn(&looped{frame: frame}, Config{Side: ClientSide})
			buf := make([]byte, 0, size+1)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := c.ReadMessage(context.Background(), buf); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// looped gives one frame out again and again.
type looped struct {
	scripted
	frame []byte
	off   int
}

func (l *looped) Read(p []byte) (int, error) {
	n := copy(p, l.frame[l.off:])
	if l.off += n; l.off == len(l.frame) {
		l.off = 0
	}
	return n, nil
}
