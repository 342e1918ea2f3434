package netpoll

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A peer is the handler of tests. Its fields are set before Start.
type peer struct {
	conn     Conn
	input    func([]byte) bool
	writable chan struct{}
	gone     chan error
}

func newPeer() *peer {
	return &peer{writable: make(chan struct{}, 1), gone: make(chan error, 2)}
}

func (p *peer) Input(b []byte) bool { return p.input(b) }

func (p *peer) Writable() {
	select {
	case p.writable <- struct{}{}:
	default:
	}
}

func (p *peer) Gone(err error) { p.gone <- err }

// pair returns the two ends of a TCP connection.
func pair(t testing.TB) (here, there net.Conn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	there, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { there.Close() })
	here, err = l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	return here, there
}

// take gives one end to the poller and returns the other.
func (p *peer) take(t testing.TB, poller *Poller) net.Conn {
	t.Helper()
	here, there := pair(t)
	var err error
	if p.conn, err = poller.Take(here, p); err != nil {
		t.Fatal(err)
	}
	if err := p.conn.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.conn.Close)
	return there
}

// both runs a test over the system's poller and without it.
func both(t *testing.T, test func(t *testing.T, p *Poller)) {
	for _, mode := range []struct {
		name string
		o    Options
	}{{"polled", Options{Loops: 2}}, {"portable", Options{Portable: true}}} {
		t.Run(mode.name, func(t *testing.T) {
			p := New(mode.o)
			t.Cleanup(p.Close)
			test(t, p)
		})
	}
}

// write writes all of b, waiting for room.
func (p *peer) write(b []byte) error {
	for len(b) > 0 {
		n, err := p.conn.Write(b)
		if err != nil {
			return err
		}
		if b = b[n:]; len(b) > 0 {
			<-p.writable
		}
	}
	return nil
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestManyConnectionsEcho(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		var all sync.WaitGroup
		for range 64 {
			p := newPeer()
			p.input = func(b []byte) bool { return p.write(bytes.Clone(b)) == nil }
			there := p.take(t, poller)
			all.Go(func() {
				for range 50 {
					sent := random(1 + int(random(1)[0])*16)
					if _, err := there.Write(sent); err != nil {
						t.Error(err)
						return
					}
					got := make([]byte, len(sent))
					if _, err := io.ReadFull(there, got); err != nil || !bytes.Equal(got, sent) {
						t.Errorf("came back wrong: %v", err)
						return
					}
				}
			})
		}
		all.Wait()
	})
}

// A write that finds no room says so, and Writable comes when there is some.
func TestWriteTakesWhatThereIsRoomFor(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		p := newPeer()
		there := p.take(t, poller)
		sent := random(32 << 20)
		short := false
		done := make(chan error, 1)
		go func() {
			for rest := sent; len(rest) > 0; {
				n, err := p.conn.Write(rest)
				if err != nil {
					done <- err
					return
				}
				if rest = rest[n:]; len(rest) > 0 {
					short = true
					<-p.writable
				}
			}
			done <- nil
		}()
		got := make([]byte, len(sent))
		if _, err := io.ReadFull(there, got); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, sent) {
			t.Error("something else came")
		}
		if !short {
			t.Error("every write took all: the test shows nothing")
		}
	})
}

// While a handler holds the input back, nothing comes; then all of it does, in order.
func TestInputThatIsHeldBack(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		p := newPeer()
		sent := random(1 << 20)
		var got []byte
		busy, total := 0, make(chan struct{})
		resume := make(chan struct{}, 1)
		p.input = func(b []byte) bool {
			if busy++; busy > 1 {
				t.Error("input came while it was held back")
			}
			got = append(got, b...)
			if len(got) >= len(sent) {
				close(total)
			}
			resume <- struct{}{}
			return false
		}
		there := p.take(t, poller)
		stop := make(chan struct{})
		var worker sync.WaitGroup
		worker.Go(func() {
			for {
				select {
				case <-resume:
					runtime.Gosched()
					busy--
					p.conn.Resume()
				case <-stop:
					return
				}
			}
		})
		defer worker.Wait()
		defer close(stop)
		go there.Write(sent)
		<-total
		if !bytes.Equal(got, sent) {
			t.Error("something else came")
		}
	})
}

// The end of the peer's stream is told after all that stood in front of it, however they came.
func TestGoneAfterTheLastInput(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		for _, size := range []int{0, 1, readSize, readSize + 1, 5 * readSize} {
			p := newPeer()
			var got []byte
			p.input = func(b []byte) bool { got = append(got, b...); return true }
			there := p.take(t, poller)
			sent := random(size)
			there.Write(sent)
			there.(*net.TCPConn).CloseWrite()
			if err := <-p.gone; !errors.Is(err, io.EOF) {
				t.Errorf("%d bytes: gone with %v", size, err)
			}
			if !bytes.Equal(got, sent) {
				t.Errorf("%d bytes: %d came", size, len(got))
			}
			if err := p.write([]byte("still here")); err != nil {
				t.Errorf("%d bytes: writing after the peer has ended: %v", size, err)
			}
			if _, err := io.ReadFull(there, make([]byte, 10)); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
			p.conn.Close()
		}
	})
}

func TestGoneWhenTheConnectionIsReset(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		p := newPeer()
		p.input = func([]byte) bool { return true }
		there := p.take(t, poller)
		there.(*net.TCPConn).SetLinger(0)
		there.Close()
		if err := <-p.gone; err == nil || errors.Is(err, io.EOF) {
			t.Errorf("gone with %v", err)
		}
	})
}

// What was written in front of Shutdown arrives, and then the end.
func TestShutdownComesBehindWhatWasWritten(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		p := newPeer()
		p.input = func([]byte) bool { return true }
		there := p.take(t, poller)
		sent := random(60 << 10)
		if err := p.write(sent); err != nil {
			t.Fatal(err)
		}
		p.conn.Shutdown()
		got, err := io.ReadAll(there)
		if err != nil || !bytes.Equal(got, sent) {
			t.Errorf("%d bytes came: %v", len(got), err)
		}
		there.Close()
		if err := <-p.gone; !errors.Is(err, io.EOF) {
			t.Errorf("gone with %v", err)
		}
	})
}

// A connection may be closed before it was started, and while it is.
func TestCloseBeforeStart(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		for range 50 {
			here, there := pair(t)
			p := newPeer()
			p.input = func([]byte) bool { return true }
			conn, err := poller.Take(here, p)
			if err != nil {
				t.Fatal(err)
			}
			var starting sync.WaitGroup
			starting.Go(func() { conn.Start() })
			conn.Close()
			starting.Wait()
			if _, err := there.Read(make([]byte, 1)); err == nil {
				t.Error("the peer does not see it")
			}
		}
	})
}

// A connection that was given back is one like any other, and may be taken again.
func TestReleaseAndTakeAgain(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		here, there := pair(t)
		for round := range 5 {
			held := round%2 == 1
			p := newPeer()
			came := make(chan string, 1)
			p.input = func(b []byte) bool { came <- string(b); return !held }
			conn, err := poller.Take(here, p)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.Start(); err != nil {
				t.Fatal(err)
			}
			there.Write([]byte("a"))
			if got := <-came; got != "a" {
				t.Fatalf("%q came", got)
			}
			if held {
				there.Write([]byte("b")) // stays in the socket
			}
			if !held {
				if err := conn.Hold(never); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
			var rest []byte
			if here, rest, err = conn.Release(); err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			if _, err := conn.Write([]byte("x")); !errors.Is(err, ErrClosed) {
				t.Errorf("a write to what was released returned %v", err)
			}
			if !held {
				there.Write([]byte("b"))
			}
			b := make([]byte, 2)
			n := copy(b, rest)
			if n == 0 {
				n, err = here.Read(b)
			}
			if err != nil || string(b[:n]) != "b" {
				t.Fatalf("round %d: %q was read: %v", round, b[:n], err)
			}
			here.Write([]byte("c"))
			if _, err := io.ReadFull(there, b[:1]); err != nil || b[0] != 'c' {
				t.Fatalf("%q came back: %v", b[:1], err)
			}
		}
		here.Close()
	})
}

func never() bool { return false }

// A peer that sends without a pause does not keep Hold from returning, once Input holds it back.
func TestHoldOfAPeerThatNeverPauses(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		p := newPeer()
		var leaving, held atomic.Bool
		var behind atomic.Int64 // bytes that came when it was held
		p.input = func(b []byte) bool {
			if held.Load() {
				behind.Add(int64(len(b)))
			}
			held.Store(leaving.Load())
			return !held.Load()
		}
		there := p.take(t, poller)
		var sent sync.WaitGroup
		sent.Go(func() {
			b := make([]byte, 1<<20)
			for {
				if _, err := there.Write(b); err != nil {
					return
				}
			}
		})
		for range 100 {
			runtime.Gosched()
		}
		leaving.Store(true)
		if err := p.conn.Hold(held.Load); err != nil {
			t.Fatal(err)
		}
		nc, rest, err := p.conn.Release()
		if err != nil {
			t.Fatal(err)
		}
		if n := behind.Load(); n > 0 {
			t.Errorf("%d bytes came while input was held back", n)
		}
		if _, err := io.ReadFull(nc, make([]byte, 1<<20)); err != nil {
			t.Errorf("behind %d bytes: %v", len(rest), err)
		}
		nc.Close()
		sent.Wait()
	})
}

// Write may come before Start, and the handler is told of room all the same.
func TestWriteBeforeStart(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		here, there := pair(t)
		p := newPeer()
		conn, err := poller.Take(here, p)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		b := make([]byte, 1<<20)
		for n := len(b); n == len(b); {
			if n, err = conn.Write(b); err != nil {
				t.Fatal(err)
			}
		}
		if err := conn.Start(); err != nil {
			t.Fatal(err)
		}
		go io.Copy(io.Discard, there)
		<-p.writable
	})
}

// A connection that was handed on gives all that comes to the new handler, whatever came while
// its input was held back.
func TestHandOn(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		for round := range 50 {
			before := newPeer()
			before.input = func(b []byte) bool { return true }
			there := before.take(t, poller)
			if err := before.conn.Hold(never); err != nil {
				t.Fatal(err)
			}
			there.Write([]byte("a"))
			if round%2 == 0 {
				runtime.Gosched()
			}
			after := newPeer()
			var got []byte
			all := make(chan struct{})
			after.input = func(b []byte) bool {
				if got = append(got, b...); len(got) == 3 {
					close(all)
				}
				return true
			}
			after.conn = before.conn
			before.conn.Hand(after)
			there.Write([]byte("b"))
			if err := after.conn.Start(); err != nil {
				t.Fatal(err)
			}
			there.Write([]byte("c"))
			if <-all; string(got) != "abc" {
				t.Fatalf("%q came", got)
			}
			there.Close()
			<-after.gone
			if len(before.gone) > 0 {
				t.Fatal("the handler before was told that the peer has gone")
			}
		}
	})
}

func TestCloseEndsEverything(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		p := newPeer()
		p.input = func([]byte) bool { return true }
		there := p.take(t, poller)
		p.conn.Close()
		p.conn.Close()
		if _, err := there.Read(make([]byte, 1)); err == nil {
			t.Error("the peer does not see it")
		}
		if _, err := p.conn.Write([]byte("x")); !errors.Is(err, ErrClosed) {
			t.Errorf("a write returned %v", err)
		}
		if err := p.conn.Start(); !errors.Is(err, ErrClosed) {
			t.Errorf("a start returned %v", err)
		}
		p.conn.Shutdown()
		select {
		case err := <-p.gone:
			t.Errorf("told to be gone: %v", err)
		default:
		}
	})
}

// Connections that are closed while they are read, written and reset elsewhere: for the race
// detector, and for descriptors that are used after they were given to somebody else.
func TestCloseAtAnyMoment(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		var all sync.WaitGroup
		for i := range 200 {
			p := newPeer()
			p.input = func(b []byte) bool {
				for _, c := range b {
					if c != 'x' {
						t.Errorf("somebody else's byte %q came", c)
					}
				}
				return i%2 == 0
			}
			there := p.take(t, poller)
			all.Go(func() {
				for range 20 {
					if _, err := there.Write([]byte("xxxx")); err != nil {
						break
					}
				}
				there.Close()
			})
			all.Go(func() {
				for range 20 {
					if _, err := p.conn.Write([]byte("yyyy")); err != nil {
						break
					}
				}
			})
			all.Go(func() {
				time.Sleep(time.Duration(i%10) * 100 * time.Microsecond)
				p.conn.Close()
			})
		}
		all.Wait()
	})
}

func TestRemoteAddr(t *testing.T) {
	both(t, func(t *testing.T, poller *Poller) {
		p := newPeer()
		there := p.take(t, poller)
		if got, want := p.conn.RemoteAddr().String(), there.LocalAddr().String(); got != want {
			t.Errorf("it says %s, and is %s", got, want)
		}
	})
}
