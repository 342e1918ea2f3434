package transport

import (
	"bufio"
	"bytes"
	"errors"
	"net"
	"net/http"
	"strconv"
	"time"
)

// A lineWriter collects the answer to a request that came over an httpLine.
type lineWriter struct {
	line   *httpLine
	header http.Header
	status int
	body   []byte
	held   bool
}

// Header implements [http.ResponseWriter].
func (w *lineWriter) Header() http.Header { return w.header }

// WriteHeader implements [http.ResponseWriter].
func (w *lineWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
	}
}

// Write implements [http.ResponseWriter].
func (w *lineWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.body = append(w.body, p...)
	return len(p), nil
}

// Flush implements [http.Flusher]: the answer leaves whole.
func (w *lineWriter) Flush() {}

// SetReadDeadline and SetWriteDeadline are for [http.ResponseController]: the request is read, and
// its answer waits for nobody here.
func (w *lineWriter) SetReadDeadline(time.Time) error  { return nil }
func (w *lineWriter) SetWriteDeadline(time.Time) error { return nil }

var errAnswered = errors.New("the request was answered")

// Hijack implements [http.Hijacker] for polls that wait.
func (w *lineWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.status != 0 {
		return nil, nil, errAnswered
	}
	w.held = true
	return &lineConn{httpLine: w.line}, nil, nil
}

// end sends the answer, unless the request is held.
func (w *lineWriter) end() {
	if w.held {
		w.line.resume()
		return
	}
	if w.status == 0 {
		w.line.close() // the handler has given up
		return
	}
	last := w.header.Get("Connection") == "close"
	w.header.Del("Connection")
	w.header.Del("Content-Length")
	var head bytes.Buffer
	head.WriteString("HTTP/1.1 " + strconv.Itoa(w.status) + " " + http.StatusText(w.status) + "\r\n")
	w.header.Write(&head)
	w.line.mu.Lock()
	w.line.last = w.line.last || last
	w.line.mu.Unlock()
	w.line.answer(head.Bytes(), w.body)
}

// A lineConn is how Poll knows a line of its own.
type lineConn struct {
	net.Conn
	*httpLine
}
