package websocket

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// serve runs a handler that accepts with o and gives the connection to f.
func serve(t testing.TB, o *AcceptOptions, f func(c *Conn)) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "7")
		c, err := Accept(w, r, o)
		if err != nil {
			return
		}
		defer c.CloseNow()
		f(c)
	}))
	t.Cleanup(server.Close)
	return server
}

// TestAcceptKeepsEarlyBytes: a frame that comes in one segment with the handshake is not lost, however long it is.
func TestAcceptKeepsEarlyBytes(t *testing.T) {
	for _, size := range []int{5, 3000} {
		want := strings.Repeat("e", size)
		got := make(chan string, 1)
		server := serve(t, nil, func(c *Conn) {
			_, message, _ := c.ReadMessage(t.Context(), nil)
			got <- string(message)
		})
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		request := "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
			"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
		io.WriteString(conn, request+string(textFrame(want)))
		select {
		case message := <-got:
			if message != want {
				t.Errorf("got %s", clip(message))
			}
		case <-time.After(patience):
			t.Fatal("the message was lost")
		}
	}
}

// TestAcceptOutlivesServerTimeouts: the deadlines of http.Server end with the handshake, and its headers reach the client.
func TestAcceptOutlivesServerTimeouts(t *testing.T) {
	expired := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "7")
		control := http.NewResponseController(w)
		soon := time.Now().Add(20 * time.Millisecond)
		if control.SetReadDeadline(soon) != nil || control.SetWriteDeadline(soon) != nil {
			t.Error("no deadlines")
		}
		c, err := Accept(w, r, &AcceptOptions{Header: http.Header{"X-Extra": {"yes"}}, Options: Options{WriteTimeout: -1}})
		if err != nil {
			t.Error(err)
			return
		}
		defer c.CloseNow()
		time.Sleep(time.Until(soon.Add(20 * time.Millisecond)))
		close(expired)
		if op, message, err := c.ReadMessage(r.Context(), nil); err != nil || c.WriteMessage(op, message) != nil {
			t.Error(err)
		}
	}))
	server.Start()
	defer server.Close()
	c, response, err := Dial(within(t), wsURL(server), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if response.Header.Get("X-Request-Id") != "7" || response.Header.Get("X-Extra") != "yes" {
		t.Errorf("header %v", response.Header)
	}
	<-expired
	if err := c.WriteMessage(OpText, []byte("still here")); err != nil {
		t.Fatal(err)
	}
	if _, message, err := c.ReadMessage(within(t), nil); err != nil || string(message) != "still here" {
		t.Fatalf("%q, %v", message, err)
	}
}

func TestAcceptRefuses(t *testing.T) {
	custom := func(w http.ResponseWriter, r *http.Request, e *HandshakeError) {
		e.SetHeader(w.Header())
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(e.Status)
		io.WriteString(w, `{"code":"`+e.Code+`"}`)
	}
	for _, c := range []struct {
		name    string
		options *AcceptOptions
		method  string
		status  int
		body    string
	}{
		{"plain text", nil, "GET", 426, "this resource speaks WebSocket only\n"},
		{"custom", &AcceptOptions{Refuse: custom}, "GET", 426, `{"code":"upgrade_required"}`},
		{"method", &AcceptOptions{Refuse: custom}, "DELETE", 405, `{"code":"method_not_allowed"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := serve(t, c.options, func(*Conn) { t.Error("accepted") })
			request, _ := http.NewRequest(c.method, server.URL, nil)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer http.DefaultClient.CloseIdleConnections()
			defer response.Body.Close()
			body, _ := io.ReadAll(response.Body)
			if response.StatusCode != c.status || string(body) != c.body {
				t.Errorf("%s %s", response.Status, body)
			}
			if c.status == 426 && (response.Header.Get("Upgrade") != "websocket" || response.Header.Get("Sec-WebSocket-Version") != "13") {
				t.Errorf("header %v", response.Header)
			}
			if c.status == 405 && response.Header.Get("Allow") != "GET" {
				t.Errorf("header %v", response.Header)
			}
		})
	}
}

func TestAcceptCheckOrigin(t *testing.T) {
	o := &AcceptOptions{CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "https://friend" }}
	for origin, allowed := range map[string]bool{"https://friend": true, "https://foe": false} {
		_, err := CheckHandshake(upgrade(t, get, "Origin: "+origin), o)
		if (err == nil) != allowed {
			t.Errorf("%s: %v", origin, err)
		}
	}
}

// TestAcceptWithoutHijack: a response writer that cannot give its connection away.
func TestAcceptWithoutHijack(t *testing.T) {
	w := httptest.NewRecorder()
	_, err := Accept(w, upgrade(t, get), nil)
	var refused *HandshakeError
	if !errors.As(err, &refused) || refused.Code != CodeHijack || w.Code != 500 {
		t.Fatal(err, w.Code)
	}
}

// hijacked gives away a connection that is not net/http's.
type hijacked struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (h *hijacked) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

func TestAcceptOnDeadConnection(t *testing.T) {
	a, b := net.Pipe()
	a.Close()
	b.Close()
	if c, err := Accept(&hijacked{httptest.NewRecorder(), a}, upgrade(t, get), nil); err == nil || c != nil {
		t.Fatal("accepted")
	}
}

// TestAcceptClearsDeadlines: net/http does so itself when a connection is taken over, others may not.
func TestAcceptClearsDeadlines(t *testing.T) {
	a, b := net.Pipe()
	defer b.Close()
	a.SetDeadline(time.Unix(1, 0))
	go func() {
		http.ReadResponse(bufio.NewReader(b), nil)
		b.Write(textFrame("hello"))
	}()
	c, err := Accept(&hijacked{httptest.NewRecorder(), a}, upgrade(t, get), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	if _, got, err := c.ReadMessage(within(t), nil); err != nil || string(got) != "hello" {
		t.Fatalf("%q, %v", got, err)
	}
}

func wsURL(server *httptest.Server) string { return strings.Replace(server.URL, "http", "ws", 1) }
