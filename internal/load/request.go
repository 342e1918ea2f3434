package load

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// A requester sends requests of HTTP/1.1 over one connection, one after the other, and opens
// another when the server has closed it. It costs no goroutine, as a client of net/http does.
// One goroutine may use it; close may be called by any.
type requester struct {
	target *target
	reader *bufio.Reader
	body   []byte
	used   time.Time

	mu     sync.Mutex // guards what follows
	conn   net.Conn   // nil: none is open
	closed bool
}

const (
	readBuffer = 1 << 10 // of a connection; bodies are read past it
	maxAnswer  = 4 << 20 // a poll's answer ends near 1 MiB, one message at least
	maxIdle    = time.Minute
)

// do sends a request and reads its answer whole. The body is good until the next call.
func (r *requester) do(ctx context.Context, timeout time.Duration, request []byte) (status int, body []byte, err error) {
	conn, err := r.connection(ctx)
	if err != nil {
		return 0, nil, err
	}
	defer func() {
		if err != nil {
			r.drop(conn)
		}
		r.used = time.Now()
	}()
	conn.SetDeadline(time.Now().Add(timeout))
	if _, err := conn.Write(request); err != nil {
		return 0, nil, err
	}
	answer, err := http.ReadResponse(r.reader, nil)
	if err != nil {
		return 0, nil, err
	}
	if r.body, err = readAll(r.body[:0], answer.Body); err != nil {
		return 0, nil, err
	}
	if answer.Close {
		r.drop(conn)
	}
	return answer.StatusCode, r.body, nil
}

// connection returns an open connection. One that was idle for long may be on its way to be
// closed by the server.
func (r *requester) connection(ctx context.Context) (net.Conn, error) {
	r.mu.Lock()
	conn, closed := r.conn, r.closed
	r.mu.Unlock()
	if closed {
		return nil, net.ErrClosed
	}
	if conn != nil {
		if time.Since(r.used) < maxIdle {
			return conn, nil
		}
		r.drop(conn)
	}
	conn, err := r.target.dial(ctx)
	if err != nil {
		return nil, err
	}
	if r.reader == nil {
		r.reader = bufio.NewReaderSize(nil, readBuffer)
	}
	r.reader.Reset(conn)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		conn.Close()
		return nil, net.ErrClosed
	}
	r.conn = conn
	return conn, nil
}

func (r *requester) drop(conn net.Conn) {
	conn.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conn = nil
}

// close ends the request that is under way, and all later ones.
func (r *requester) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.conn != nil {
		r.conn.Close()
	}
}

// readAll appends what a body holds.
func readAll(dst []byte, body io.Reader) ([]byte, error) {
	for {
		if len(dst) == cap(dst) {
			dst = append(dst, 0)[:len(dst)]
		}
		n, err := body.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		switch {
		case err == io.EOF:
			return dst, nil
		case err != nil:
			return dst, err
		case len(dst) > maxAnswer:
			return dst, errors.New("the answer is too long")
		}
	}
}

// A refusal is an answer other than 2xx.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s", r.status, r.text) }

// refused returns a refusal that says what the problem in a body does (RFC 9457).
func refused(status int, body []byte) *refusal {
	var problem struct{ Code, Detail string }
	switch err := json.Unmarshal(body, &problem); {
	case err != nil || problem.Code == "":
		return &refusal{status, http.StatusText(status)}
	case problem.Detail == "":
		return &refusal{status, problem.Code}
	default:
		return &refusal{status, problem.Code + ": " + problem.Detail}
	}
}
