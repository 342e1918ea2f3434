package websocket

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
)

func TestPingPong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pongs []string
		s, c := pipePair(t, Config{Options: Options{OnPong: func(p []byte) { pongs = append(pongs, string(p)) }}}, Config{})
		go s.Next(context.Background())
		go c.Next(context.Background())
		for _, payload := range []string{"", "one", strings.Repeat("x", 125)} {
			if err := s.Ping([]byte(payload)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		if got := strings.Join(pongs, ","); got != ",one,"+strings.Repeat("x", 125) {
			t.Errorf("%q", got)
		}
	})
}

// TestPongDoesNotWaitForAWrite: while a write is stuck the reader goes on, and the newest ping is answered behind it.
func TestPongDoesNotWaitForAWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pongs []string
		s, c := pipePair(t, Config{}, Config{Options: Options{OnPong: func(p []byte) { pongs = append(pongs, string(p)) }}})
		stuck := make(chan error, 1)
		go func() { stuck <- s.WriteMessage(OpText, []byte("stuck")) }()
		synctest.Wait()
		read := make(chan error, 1)
		go func() {
			_, _, err := s.ReadMessage(context.Background(), nil)
			read <- err
		}()
		for _, payload := range []string{"old", "new"} {
			if err := c.Ping([]byte(payload)); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.WriteMessage(OpText, []byte("behind the pings")); err != nil {
			t.Fatal(err)
		}
		if err := <-read; err != nil {
			t.Fatal(err)
		}
		go func() {
			for {
				if _, _, err := c.Next(context.Background()); err != nil {
					return
				}
			}
		}()
		if err := <-stuck; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := strings.Join(pongs, ","); got != "new" {
			t.Errorf("pongs %q", got)
		}
	})
}

// TestNoPongBehindTheCloseFrame: RFC 6455, section 5.5.1.
func TestNoPongBehindTheCloseFrame(t *testing.T) {
	nc := &scripted{pieces: [][]byte{AppendFrame(nil, OpPing, true, false, nil), AppendFrame(nil, OpClose, true, false, nil)}}
	c := NewConn(nc, Config{Side: ClientSide})
	if err := c.Close(StatusNoStatusReceived, ""); err != nil {
		t.Fatal(err)
	}
	if wire := nc.wrote.Bytes(); len(wire) != 6 || wire[0] != 0x88 {
		t.Errorf("%x", wire)
	}
	if err := c.Ping(nil); err == nil {
		t.Error("a ping behind the close frame")
	}
}
