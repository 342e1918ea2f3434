package behaviour

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A request is one of a backend or of a client, and a reply what came back.
type request struct {
	method string // default: GET, or POST with a body
	path   string
	body   string
	header []string      // "Name: value"
	within time.Duration // default: patience
	head   bool          // of an answer that is no problem, the body is not read
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

// decode reads the body as JSON.
func (r reply) decode(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(r.body, into); err != nil {
		t.Fatalf("status %d, %v: %.300s", r.status, err, r.body)
	}
}

// code returns the code of a problem, or of the error that answers a command.
func (r reply) code() string {
	var p struct{ Code string }
	_ = json.Unmarshal(r.body, &p) // a body that is none has no code
	return p.Code
}

// refusal is what a client decides by.
func (r reply) refusal() string { return fmt.Sprintf("%d %s", r.status, r.code()) }

// do sends a request as it is.
func (s *server) do(t testing.TB, q request) reply {
	t.Helper()
	r, err := s.try(q)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// try is do for other goroutines than the test's.
func (s *server) try(q request) (reply, error) {
	if q.method == "" {
		q.method = http.MethodGet
		if q.body != "" {
			q.method = http.MethodPost
		}
	}
	if q.within == 0 {
		q.within = patience
	}
	req, err := http.NewRequest(q.method, s.url+q.path, strings.NewReader(q.body))
	if err != nil {
		return reply{}, err
	}
	for _, line := range q.header {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Add(name, value)
	}
	httpClient := http.Client{Timeout: q.within}
	resp, err := httpClient.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	if q.head && resp.StatusCode < 300 {
		return reply{resp.StatusCode, resp.Header, nil}, nil
	}
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, body}, err
}

// backend sends a request with the API key, and JSON if there is a body, to the instance
// that the backends of this one talk to.
func (s *server) backend(t testing.TB, q request) reply {
	t.Helper()
	q.header = append(q.header, "Authorization: Bearer "+apiKey)
	if q.body != "" && !strings.Contains(strings.Join(q.header, "\n"), "Content-Type") {
		q.header = append(q.header, "Content-Type: application/json")
	}
	return s.desk().do(t, q)
}

// desk returns the instance that backends talk to.
func (s *server) desk() *server {
	if s.peer != nil {
		return s.peer
	}
	return s
}

func messagesOf(c pubsub.Channel) string { return "/v1/channels/" + string(c) + "/messages" }

// publish publishes JSON and returns where it stands.
func (s *server) publish(t testing.TB, c pubsub.Channel, data string) pubsub.Position {
	t.Helper()
	return s.stored(t, s.backend(t, request{path: messagesOf(c), body: data}))
}

// stored returns the position in the answer to a publish.
func (s *server) stored(t testing.TB, r reply) pubsub.Position {
	t.Helper()
	var receipt struct{ ID, Pos string }
	r.decode(t, &receipt)
	pos, err := pubsub.ParsePosition(receipt.Pos)
	if r.status != http.StatusCreated || err != nil {
		t.Fatalf("publish: status %d, %v: %.300s", r.status, err, r.body)
	}
	return pos
}

// An info is what the server tells of a channel.
type info struct {
	Pos         string
	Subscribers int
	Retained    int
}

func (s *server) info(t testing.TB, c pubsub.Channel) (i info) {
	t.Helper()
	s.backend(t, request{path: "/v1/channels/" + string(c)}).decode(t, &i)
	return i
}

// end returns the position of a channel's newest message.
func (s *server) end(t testing.TB, c pubsub.Channel) pubsub.Position {
	t.Helper()
	pos, err := pubsub.ParsePosition(s.info(t, c).Pos)
	if err != nil {
		t.Fatal(err)
	}
	return pos
}

// purge deletes a channel's log.
func (s *server) purge(t testing.TB, c pubsub.Channel) {
	t.Helper()
	if r := s.backend(t, request{method: http.MethodDelete, path: messagesOf(c)}); r.status >= 300 {
		t.Fatalf("purge: %s", r.refusal())
	}
}
