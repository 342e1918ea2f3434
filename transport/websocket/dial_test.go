package websocket

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestDialTLS speaks over wss with subprotocol, header and compression.
func TestDialTLS(t *testing.T) {
	o := &AcceptOptions{Subprotocols: []string{"v1"}, Deflate: &DeflateOptions{}}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "u" || password != "p" || r.Header.Get("X-Own") != "1" || r.Host != "other.example" {
			t.Errorf("request %v", r.Header)
		}
		c, err := Accept(w, r, o)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		for {
			op, message, err := c.ReadMessage(r.Context(), nil)
			if err != nil {
				return
			}
			if err := c.WriteMessage(op, message); err != nil {
				t.Error(err)
			}
		}
	}))
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	url := strings.Replace(server.URL, "https://", "wss://u:p@", 1)
	c, response, err := Dial(within(t), url, &DialOptions{
		Header:       http.Header{"X-Own": {"1"}, "Host": {"other.example"}, "Sec-Websocket-Key": {"not this one"}},
		Subprotocols: []string{"v2", "v1"},
		Deflate:      &DeflateOptions{Threshold: -1},
		TLS:          &tls.Config{RootCAs: roots, ServerName: "example.com"},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if _, on := c.Deflated(); !on || c.Subprotocol() != "v1" || response.StatusCode != 101 || !c.TakesDeflatedFrames() {
		t.Fatalf("%v, %q, %v", on, c.Subprotocol(), response)
	}
	want := strings.Repeat("over TLS ", 100_000/9)
	if err := c.WriteMessage(OpText, []byte(want)); err != nil {
		t.Fatal(err)
	}
	if _, got, err := c.ReadMessage(within(t), nil); err != nil || string(got) != want {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	if err := c.Close(StatusNormalClosure, ""); err != nil {
		t.Fatal(err)
	}
}

func TestDialRefused(t *testing.T) {
	long := strings.Repeat("no ", 10_000)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "7")
		http.Error(w, long, http.StatusServiceUnavailable)
	}))
	defer server.Close()
	c, response, err := Dial(within(t), wsURL(server), nil)
	if c != nil || !errors.Is(err, ErrBadHandshake) || response.StatusCode != 503 || response.Header.Get("Retry-After") != "7" {
		t.Fatal(c, response, err)
	}
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != long[:4096] {
		t.Fatalf("%d bytes of body, %v", len(body), err)
	}
}

// answers runs a server that sends head, in which KEY stands for the right Sec-WebSocket-Accept, for every request.
func answers(t *testing.T, head string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		r, err := http.ReadRequest(bufio.NewReader(conn))
		if err != nil {
			return
		}
		io.WriteString(conn, strings.Replace(head, "KEY", acceptKey(r.Header.Get(headerKey)), 1))
		io.Copy(io.Discard, conn)
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return "ws://" + l.Addr().String()
}

func TestDialChecksTheAnswer(t *testing.T) {
	const ok = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n"
	o := &DialOptions{Subprotocols: []string{"v1"}, Deflate: &DeflateOptions{ServerContextTakeover: true}}
	for _, c := range []struct{ name, head, want string }{
		{"good", ok + "Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n", ""},
		{"status", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "status 200 OK"},
		{"upgrade", strings.Replace(ok, "websocket", "h2c", 1) + "\r\n", "Upgrade"},
		{"connection", strings.Replace(ok, "Connection: Upgrade", "Connection: close", 1) + "\r\n", "Connection"},
		{"key", strings.Replace(ok, "KEY", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 1) + "\r\n", "Accept"},
		{"subprotocol", ok + "Sec-WebSocket-Protocol: v2\r\n\r\n", "subprotocol"},
		{"two subprotocols", ok + "Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Protocol: v1\r\n\r\n", "subprotocol"},
		{"extension", ok + "Sec-WebSocket-Extensions: bzip\r\n\r\n", "extension"},
		{"malformed extension", ok + "Sec-WebSocket-Extensions: permessage-deflate;\r\n\r\n", "extension"},
		{"bits", ok + "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=7\r\n\r\n", "extension"},
		{"not HTTP", "SSH-2.0-OpenSSH\r\n\r\n", "malformed"},
		{"endless head", ok + strings.Repeat("X: y\r\n", 20_000), "head above"},
	} {
		t.Run(c.name, func(t *testing.T) {
			conn, _, err := Dial(within(t), answers(t, c.head), o)
			if conn != nil {
				conn.CloseNow()
			}
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestDialURL(t *testing.T) {
	for _, url := range []string{"http://x", "ws://", "ws://x/#f", "ws://[", "x"} {
		if _, _, err := Dial(t.Context(), url, nil); err == nil {
			t.Errorf("%q was dialed", url)
		}
	}
	if _, _, err := Dial(t.Context(), "ws://x", &DialOptions{
		Subprotocols: []string{"a b"},
		NetDial:      func(context.Context, string, string) (net.Conn, error) { a, _ := net.Pipe(); return a, nil },
	}); err == nil || !strings.Contains(err.Error(), "token") {
		t.Error(err)
	}
}

// TestDialPort: the default ports, and that NetDial's error comes back.
func TestDialPort(t *testing.T) {
	refused := errors.New("refused")
	for url, want := range map[string]string{"ws://x": "x:80", "wss://x/y": "x:443", "ws://[::1]:8": "[::1]:8"} {
		_, _, err := Dial(t.Context(), url, &DialOptions{NetDial: func(_ context.Context, network, addr string) (net.Conn, error) {
			if network != "tcp" || addr != want {
				return nil, fmt.Errorf("dialed %s %s", network, addr)
			}
			return nil, refused
		}})
		if !errors.Is(err, refused) {
			t.Errorf("%s: %v", url, err)
		}
	}
}

// TestDialCancel: a server that never answers.
func TestDialCancel(t *testing.T) {
	url := answers(t, "")
	ctx, cancel := context.WithCancelCause(t.Context())
	dialed := make(chan error, 1)
	go func() {
		_, _, err := Dial(ctx, url, &DialOptions{NetDial: func(ctx context.Context, network, addr string) (net.Conn, error) {
			defer cancel(nil)
			return (&net.Dialer{}).DialContext(ctx, network, addr)
		}})
		dialed <- err
	}()
	if err := <-dialed; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, _, err := Dial(t.Context(), answers(t, ""), &DialOptions{Timeout: 1}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
