package websocket

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// conversation runs f in a bubble of virtual time with both ends of a pipe.
func conversation(t *testing.T, f func(t *testing.T, s, c *Conn)) {
	synctest.Test(t, func(t *testing.T) {
		s, c := pipePair(t, Config{}, Config{})
		f(t, s, c)
	})
}

func TestCloseHandshake(t *testing.T) {
	for name, swap := range map[string]bool{"by the server": false, "by the client": true} {
		t.Run(name, func(t *testing.T) {
			conversation(t, func(t *testing.T, a, b *Conn) {
				if swap {
					a, b = b, a
				}
				read := make(chan error, 1)
				go func() {
					_, _, err := b.Next(context.Background())
					read <- err
				}()
				start := time.Now()
				if err := a.Close(4001, "unauthorized"); err != nil {
					t.Fatal(err)
				}
				var closed *CloseError
				if err := <-read; !errors.As(err, &closed) || closed.Code != 4001 || closed.Reason != "unauthorized" {
					t.Fatal(err)
				}
				if !errors.Is(a.Err(), net.ErrClosed) || b.Err() != error(closed) {
					t.Errorf("%v, %v", a.Err(), b.Err())
				}
				if took := time.Since(start); took != 0 {
					t.Errorf("it took %v", took)
				}
				if err := b.WriteMessage(OpText, nil); err != error(closed) {
					t.Errorf("writing behind the end: %v", err)
				}
				if err := b.Close(1000, ""); err != nil {
					t.Errorf("closing what the peer closed: %v", err)
				}
			})
		})
	}
}

// TestCloseTimeout: a peer that says nothing, on either side, with and without someone reading.
func TestCloseTimeout(t *testing.T) {
	for name, side := range map[string]Side{"server": ServerSide, "client": ClientSide} {
		for _, reading := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					near, far := net.Pipe()
					defer far.Close()
					go io.Copy(io.Discard, far)
					c := NewConn(near, Config{Side: side, Options: Options{CloseTimeout: 3 * time.Second}})
					defer c.CloseNow()
					read := make(chan error, 1)
					if reading {
						go func() {
							_, _, err := c.ReadMessage(context.Background(), nil)
							read <- err
						}()
						synctest.Wait()
					}
					start := time.Now()
					err := c.Close(1000, "")
					if !errors.Is(err, os.ErrDeadlineExceeded) {
						t.Error(err)
					}
					if took := time.Since(start); took != 3*time.Second {
						t.Errorf("it took %v", took)
					}
					if reading {
						if err := <-read; !errors.Is(err, os.ErrDeadlineExceeded) {
							t.Errorf("reader got %v", err)
						}
					}
				})
			})
		}
	}
}

// TestCloseWhilePeerDoesNotRead: not even the close frame can be written.
func TestCloseWhilePeerDoesNotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		c := NewConn(near, Config{Options: Options{WriteTimeout: time.Minute}})
		written := make(chan error, 1)
		go func() { written <- c.WriteMessage(OpText, []byte("stuck")) }()
		synctest.Wait()
		start := time.Now()
		if err := c.Close(1000, ""); !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Error(err)
		}
		if took := time.Since(start); took != defaultCloseTimeout {
			t.Errorf("it took %v", took)
		}
		if err := <-written; err == nil {
			t.Error("the stuck message was written")
		}
	})
}

// TestCloseDropsMessages: what the peer still sends before its close frame does not keep it from being seen.
func TestCloseDropsMessages(t *testing.T) {
	s, c := tcpPair(t, Config{}, Config{})
	for range 3 {
		if err := c.WriteMessage(OpText, []byte("late")); err != nil {
			t.Fatal(err)
		}
	}
	read := make(chan error, 1)
	go func() {
		_, _, err := c.Next(context.Background())
		read <- err
	}()
	if err := s.Close(1001, "going"); err != nil {
		t.Fatal(err)
	}
	if err := <-read; CloseStatus(err) != 1001 {
		t.Error(err)
	}
}

// TestCloseBothAtOnce: both sides begin the handshake.
func TestCloseBothAtOnce(t *testing.T) {
	s, c := tcpPair(t, Config{}, Config{})
	done := make(chan error, 2)
	for _, conn := range []*Conn{s, c} {
		go func() { done <- conn.Close(1000, "") }()
	}
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestCloseTwice: several callers, one handshake.
func TestCloseTwice(t *testing.T) {
	conversation(t, func(t *testing.T, s, c *Conn) {
		go c.Next(context.Background())
		done := make(chan error, 3)
		for range 3 {
			go func() { done <- s.Close(1000, "") }()
		}
		for range 3 {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
		if err := s.Close(1000, ""); err != nil {
			t.Error(err)
		}
	})
}

func TestCloseNow(t *testing.T) {
	conversation(t, func(t *testing.T, s, c *Conn) {
		read := make(chan error, 2)
		for _, conn := range []*Conn{s, c} {
			go func() {
				_, _, err := conn.Next(context.Background())
				read <- err
			}()
		}
		synctest.Wait()
		if err := s.CloseNow(); err != nil {
			t.Fatal(err)
		}
		s.CloseNow()
		<-s.Done()
		a, b := <-read, <-read
		if errors.Is(b, net.ErrClosed) {
			a, b = b, a
		}
		if !errors.Is(a, net.ErrClosed) || !errors.Is(b, io.ErrUnexpectedEOF) || CloseStatus(b) != StatusAbnormalClosure {
			t.Errorf("%v, %v", a, b)
		}
		if err := s.Close(1000, ""); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
		if err := s.Ping(nil); !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// TestFailTellsThePeer: whoever breaks the protocol is told, over TCP even when more of what it sent is unread.
func TestFailTellsThePeer(t *testing.T) {
	near, far := netPair(t)
	s := NewConn(near, Config{})
	read := make(chan error, 1)
	go func() {
		_, _, err := s.ReadMessage(context.Background(), nil)
		read <- err
	}()
	far.SetDeadline(time.Now().Add(patience))
	far.Write(append(frame(3, true, 0, ""), make([]byte, 100_000)...))
	got, err := io.ReadAll(far)
	want := AppendFrame(nil, OpClose, true, false, AppendClosePayload(nil, StatusProtocolError, "reserved opcode"))
	if err != nil || string(got) != string(want) {
		t.Errorf("%q, %v", got, err)
	}
	far.Close()
	if err := <-read; err != error(errOpcode) || s.Err() != error(errOpcode) {
		t.Error(err)
	}
}

// TestLingerEnds: a peer that was told and neither closes nor stops sending is given a second.
func TestLingerEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		go io.Copy(io.Discard, far)
		var flood sync.WaitGroup
		defer flood.Wait()
		flood.Go(func() {
			far.Write([]byte("\x83\x00"))
			for {
				if _, err := far.Write(make([]byte, 10_000)); err != nil {
					return
				}
				time.Sleep(10 * time.Millisecond)
			}
		})
		c := NewConn(near, Config{Side: ClientSide})
		start := time.Now()
		if _, _, err := c.Next(context.Background()); err != error(errOpcode) {
			t.Fatal(err)
		}
		if took := time.Since(start); took != lingerTimeout {
			t.Errorf("it took %v", took)
		}
	})
}
