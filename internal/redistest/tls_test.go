package redistest

import (
	"bufio"
	"crypto/tls"
	"net"
	"testing"
)

func TestStartTLS(t *testing.T) {
	t.Parallel()
	s, config := StartTLS(t)
	if got := s.Do("PING"); got != "PONG" {
		t.Errorf("PING: %q", got)
	}
	_, port, _ := net.SplitHostPort(s.Addr())
	for _, addr := range []string{s.Addr(), "localhost:" + port, NewProxy(t, s.Addr()).Addr()} {
		conn, err := tls.Dial("tcp", addr, config)
		if err != nil {
			t.Errorf("%s: %v", addr, err)
			continue
		}
		if v, err := exchange(conn, bufio.NewReader(conn), "PING"); err != nil || v.text != "PONG" {
			t.Errorf("%s: PING: %q, %v", addr, v.text, err)
		}
		conn.Close()
	}
	if conn, err := tls.Dial("tcp", s.Addr(), &tls.Config{}); err == nil {
		conn.Close()
		t.Error("who does not know the authority trusts the server")
	}
	if _, err := (&Server{t: t, port: s.port}).TryDo("PING"); err == nil {
		t.Error("the server answers without TLS")
	}
}
