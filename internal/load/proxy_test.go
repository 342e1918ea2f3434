package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/wsbridge/wsbridge/transport/websocket"
)

// A fault is what a bad server does to the messages of one client: it gets each, and returns
// what is sent on instead. It may keep a message to send it later.
type fault func(message []byte) (instead [][]byte)

// faults are kept for each client, which is known by its channel where it has several connections.
type faults struct {
	new func() fault

	mu    sync.Mutex // guards known
	known map[string]fault
}

func (f *faults) of(client string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.known == nil {
		f.known = make(map[string]fault)
	}
	if f.known[client] == nil {
		f.known[client] = f.new()
	}
	return f.known[client]
}

// A badServer stands in front of a real one and spoils what clients get.
type badServer struct {
	t       *testing.T
	backend *url.URL
	faults  faults
	publish publishing // nil: passed on
}

// publishing serves what is published, and all else that is no client's.
type publishing func(*badServer, http.ResponseWriter, *http.Request)

// onlyPosts passes on what publishes nothing.
func onlyPosts(serve publishing) publishing {
	return func(b *badServer, w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			serve(b, w, r)
		} else {
			b.pass(w, r)
		}
	}
}

// startBadServer runs one until the test is over.
func startBadServer(t *testing.T, new func() fault, publish publishing) (address string) {
	t.Helper()
	backend, err := url.Parse(startServer(t))
	if err != nil {
		t.Fatal(err)
	}
	b := &badServer{t: t, backend: backend, faults: faults{new: new}, publish: publish}
	hs := httptest.NewServer(b)
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		hs.CloseClientConnections()
		hs.Close()
	})
	return hs.URL
}

func (b *badServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/v1/ws":
		b.socket(w, r)
	case r.URL.Path == "/v1/sse":
		b.stream(w, r)
	case r.URL.Path == "/v1/poll":
		b.poll(w, r)
	case b.publish != nil:
		b.publish(b, w, r)
	default:
		b.pass(w, r)
	}
}

func (b *badServer) pass(w http.ResponseWriter, r *http.Request) {
	httputil.NewSingleHostReverseProxy(b.backend).ServeHTTP(w, r)
}

func (b *badServer) socket(w http.ResponseWriter, r *http.Request) {
	back, _, err := websocket.Dial(r.Context(), "ws://"+b.backend.Host+r.URL.String(), nil)
	if err != nil {
		b.t.Error(err)
		return
	}
	defer back.CloseNow()
	front, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"wsbridge.v1"}})
	if err != nil {
		b.t.Error(err)
		return
	}
	defer front.CloseNow()
	gone, leave := context.WithCancel(context.Background())
	defer leave()
	var reader sync.WaitGroup
	defer reader.Wait()
	defer front.CloseNow()
	reader.Go(func() {
		front.ReadMessage(gone, nil) // the client sends nothing, but leaves
		leave()
	})
	spoil := b.faults.new()
	for {
		_, text, err := back.ReadMessage(gone, nil)
		if err != nil {
			return
		}
		all := [][]byte{text}
		if bytes.HasPrefix(text, isMessage) {
			all = spoil(text)
		}
		for _, text := range all {
			if text == nil {
				return // the fault ends the connection
			}
			if front.WriteMessage(websocket.OpText, text) != nil {
				return
			}
		}
	}
}

// ask sends a client's request on.
func (b *badServer) ask(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.RequestURI = b.backend.Scheme, b.backend.Host, ""
	return http.DefaultClient.Do(r)
}

func (b *badServer) stream(w http.ResponseWriter, r *http.Request) {
	answer, err := b.ask(r)
	if err != nil {
		return
	}
	defer answer.Body.Close()
	w.Header().Set("Content-Type", answer.Header.Get("Content-Type"))
	spoil := b.faults.new()
	for events := bufio.NewReader(answer.Body); ; {
		var event []byte
		for !bytes.HasSuffix(event, []byte("\n\n")) {
			text, err := events.ReadBytes('\n')
			if err != nil {
				return
			}
			event = append(event, text...)
		}
		all := [][]byte{event}
		if bytes.Contains(event, []byte("event: message\n")) {
			_, data, _ := bytes.Cut(event, []byte("\ndata: "))
			all = all[:0]
			for _, m := range spoil(bytes.TrimSpace(data)) {
				if m == nil {
					return
				}
				kind := "message"
				if bytes.HasPrefix(m, isGap) {
					kind = "gap"
				}
				all = append(all, []byte("event: "+kind+"\ndata: "+string(m)+"\n\n"))
			}
		}
		for _, event := range all {
			w.Write(event)
		}
		w.(http.Flusher).Flush()
	}
}

func (b *badServer) poll(w http.ResponseWriter, r *http.Request) {
	answer, err := b.ask(r)
	if err != nil {
		return
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return
	}
	var poll struct {
		Messages []json.RawMessage `json:"messages"`
		Gaps     []json.RawMessage `json:"gaps"`
		Cursor   string            `json:"cursor"`
		Retry    int               `json:"retry"`
	}
	if err := json.Unmarshal(body, &poll); err != nil {
		b.t.Errorf("%v: %s", err, body)
		return
	}
	spoil := b.faults.of(r.URL.Query().Get("channels"))
	messages := poll.Messages
	poll.Messages = []json.RawMessage{}
	for _, m := range messages {
		for _, m := range spoil(m) {
			switch {
			case m == nil:
				panic(http.ErrAbortHandler)
			case strings.HasPrefix(string(m), string(isGap)):
				poll.Gaps = append(poll.Gaps, m)
			default:
				poll.Messages = append(poll.Messages, m)
			}
		}
	}
	json.NewEncoder(w).Encode(poll)
}
