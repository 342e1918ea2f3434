package redistest

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// patience is how long a call waits for its answer, settling how long a change of state may
// take to be visible. Neither is met by a healthy server on a busy machine.
const (
	patience = 10 * time.Second
	settling = 30 * time.Second
)

// TryDo sends one command on a connection of its own, so that nothing (MULTI, SELECT, a reply
// that came too late) is left over for the next, and returns the reply as text: numbers in
// decimal, nil as "", of lists each element on a line, nested ones too. The error is what the
// server answered, or of the connection; a server that is frozen gives one after 10 seconds.
func (s *Server) TryDo(args ...string) (string, error) {
	v, err := s.call(patience, args...)
	return strings.Join(v.flat(nil), "\n"), err
}

// Do is TryDo for commands that have to succeed.
func (s *Server) Do(args ...string) string {
	s.t.Helper()
	return strings.Join(s.List(args...), "\n")
}

// List is Do, and returns the elements of a list one by one, nested ones too.
func (s *Server) List(args ...string) []string {
	s.t.Helper()
	v, err := s.call(patience, args...)
	if err != nil {
		s.t.Fatalf("redistest: %s: %.80q: %v", s.Addr(), args, err)
	}
	return v.flat(nil)
}

func (s *Server) call(timeout time.Duration, args ...string) (reply, error) {
	conn, err := s.dial(timeout)
	if err != nil {
		return reply{}, err
	}
	defer conn.Close()
	r := bufio.NewReader(conn)
	if s.password != "" {
		if _, err := exchange(conn, r, "AUTH", s.password); err != nil {
			return reply{}, fmt.Errorf("AUTH: %w", err)
		}
	}
	return exchange(conn, r, args...)
}

// dial connects, for as long as timeout.
func (s *Server) dial(timeout time.Duration) (net.Conn, error) {
	conn, err := net.DialTimeout("tcp", s.Addr(), timeout)
	if err != nil {
		return nil, err
	}
	conn.SetDeadline(time.Now().Add(timeout))
	if s.tls != nil {
		return tls.Client(conn, s.tls), nil
	}
	return conn, nil
}

func exchange(conn net.Conn, r *bufio.Reader, args ...string) (reply, error) {
	if _, err := conn.Write(command(args)); err != nil {
		return reply{}, err
	}
	v, err := readReply(r)
	if err != nil {
		return reply{}, err
	}
	if v.kind == '-' || v.kind == '!' {
		return reply{}, errors.New(v.text)
	}
	return v, nil
}

// await waits until a condition holds, and fails the test if it never does.
func (s *Server) await(what string, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(settling); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("redistest: %s: waited %v in vain: %s", s.Addr(), settling, what)
		}
	}
}
