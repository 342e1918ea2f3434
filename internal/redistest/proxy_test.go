package redistest

import (
	"bufio"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A talk is a connection of a test that stays open.
type talk struct {
	t    *testing.T
	conn net.Conn
	r    *bufio.Reader
}

func dial(t *testing.T, addr string) *talk {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return &talk{t, conn, bufio.NewReader(conn)}
}

func (k *talk) send(args ...string) {
	k.t.Helper()
	if _, err := k.conn.Write(command(args)); err != nil {
		k.t.Fatal(err)
	}
}

func (k *talk) want(texts ...string) {
	k.t.Helper()
	k.conn.SetReadDeadline(time.Now().Add(settling))
	v, err := readReply(k.r)
	if err != nil {
		k.t.Fatalf("waiting for %q: %v", texts, err)
	}
	if got := v.flat(nil); !cmp.Equal(got, texts) {
		k.t.Errorf("got %q, want %q", got, texts)
	}
}

// wantNothing waits a moment in which nothing may come.
func (k *talk) wantNothing() {
	k.t.Helper()
	k.conn.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if b, err := k.r.Peek(1); !errors.Is(err, os.ErrDeadlineExceeded) {
		k.t.Errorf("something came: %q, %v", b, err)
	}
}

func (k *talk) wantEnd() {
	k.t.Helper()
	k.conn.SetReadDeadline(time.Now().Add(settling))
	if _, err := readReply(k.r); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		k.t.Errorf("the connection was not closed: %v", err)
	}
}

func TestProxyRedirect(t *testing.T) {
	t.Parallel()
	a, b := Start(t), Start(t)
	a.Do("SET", "name", "a")
	b.Do("SET", "name", "b")
	p := NewProxy(t, a.Addr())
	old := dial(t, p.Addr())
	old.send("GET", "name")
	old.want("a")
	p.Redirect(b.Addr())
	old.send("GET", "name")
	old.want("a")
	if n := p.Cut(); n != 1 {
		t.Errorf("%d connections were cut, want 1", n)
	}
	old.wantEnd()
	again := dial(t, p.Addr())
	again.send("GET", "name")
	again.want("b")
}

func TestProxyCut(t *testing.T) {
	t.Parallel()
	s := Start(t)
	p := NewProxy(t, s.Addr())
	a, b := dial(t, p.Addr()), dial(t, p.Addr())
	for _, k := range []*talk{a, b} {
		k.send("PING")
		k.want("PONG")
	}
	if n := p.Cut(); n != 2 {
		t.Errorf("cut %d connections, want 2", n)
	}
	a.wantEnd()
	b.wantEnd()
	c := dial(t, p.Addr())
	c.send("PING")
	c.want("PONG")
	s.Kill()
	c.wantEnd()
	dial(t, p.Addr()).wantEnd()
	s.Restart()
	d := dial(t, p.Addr())
	d.send("PING")
	d.want("PONG")
	p.Close()
	d.wantEnd()
	if conn, err := net.Dial("tcp", p.Addr()); err == nil {
		conn.Close()
		t.Error("a closed proxy takes connections")
	}
}

func TestProxyBlock(t *testing.T) {
	t.Parallel()
	s := Start(t)
	p := NewProxy(t, s.Addr())
	k := dial(t, p.Addr())
	k.send("SUBSCRIBE", "c")
	k.want("subscribe", "c", "1")
	p.Block(true)
	s.Do("PUBLISH", "c", "late")
	k.send("SUBSCRIBE", "d")
	young := dial(t, p.Addr())
	young.send("PING")
	k.wantNothing()
	young.wantNothing()
	if got := s.Do("PUBSUB", "CHANNELS"); got != "c" {
		t.Errorf("what the client sent has passed: %q", got)
	}
	p.Block(false)
	k.want("message", "c", "late")
	k.want("subscribe", "d", "2")
	young.want("PONG")
	p.Block(true)
	k.send("PING")
	if n := p.Cut(); n != 2 {
		t.Errorf("cut %d blocked connections, want 2", n)
	}
	k.wantEnd()
}

func TestProxyMute(t *testing.T) {
	t.Parallel()
	s := Start(t)
	p := NewProxy(t, s.Addr())
	plain, sub, sharded := dial(t, p.Addr()), dial(t, p.Addr()), dial(t, p.Addr())
	sub.send("subscribe", "c")
	sub.want("subscribe", "c", "1")
	// A command that arrives in two pieces is recognised as well.
	cmd := string(command([]string{"SSUBSCRIBE", "c"}))
	for _, piece := range []string{cmd[:9], cmd[9:]} {
		sharded.conn.Write([]byte(piece))
		time.Sleep(10 * time.Millisecond)
	}
	sharded.want("ssubscribe", "c", "1")
	if n := p.Subscribed(); n != 2 {
		t.Errorf("%d connections have subscribed, want 2", n)
	}

	p.Mute(true)
	big := strings.Repeat("x", 200<<10) // more than is read at once
	s.Do("PUBLISH", "c", big)
	s.Do("SPUBLISH", "c", big)
	s.await("two are swallowed", func() bool { return p.Swallowed() == 2 })
	plain.send("PING")
	plain.want("PONG")
	sub.wantNothing()
	sharded.wantNothing()

	p.Mute(false)
	s.Do("PUBLISH", "c", big)
	s.Do("SPUBLISH", "c", "short")
	sub.want("message", "c", big)
	sharded.want("smessage", "c", "short")
	if n := p.Cut(); n != 3 {
		t.Errorf("cut %d connections, want 3", n)
	}
}
