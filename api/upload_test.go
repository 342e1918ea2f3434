package api

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/transport"
)

// noise returns bytes of which no two places look alike.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8(sha256.Sum256([]byte("stream"))).Read(b)
	return b
}

// A sending is an upload under way.
type sending struct {
	body   *io.PipeWriter
	answer chan *http.Response // nil: it broke
	stream *pubsub.Stream      // of the beginning
}

// upload begins a stream, and waits for its beginning.
func (s *site) upload(path, kind string) *sending {
	s.t.Helper()
	r, w := io.Pipe()
	s.t.Cleanup(func() { w.CloseWithError(io.ErrUnexpectedEOF) })
	req, err := http.NewRequest("POST", s.url+path, r)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	if kind != "" {
		req.Header.Set("Content-Type", kind)
	}
	up := &sending{body: w, answer: make(chan *http.Response, 1)}
	go func() {
		resp, _ := http.DefaultClient.Do(req)
		up.answer <- resp
	}()
	channel, _, _ := strings.Cut(strings.TrimPrefix(path, "/v1/channels/"), "/")
	up.stream = s.announced(channel, 1).Stream
	return up
}

// announced waits for the message of a channel with this offset.
func (s *site) announced(channel string, offset uint64) *pubsub.Message {
	s.t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		page, err := s.bridge.ReadBack(s.t.Context(), pubsub.Channel(channel), pubsub.Position{}, pubsub.Limit{Messages: 10})
		if err != nil {
			s.t.Fatal(err)
		}
		for _, m := range page.Messages {
			if m.Pos.Offset == offset {
				if m.Stream == nil {
					s.t.Fatalf("%+v tells of no stream", m)
				}
				return m
			}
		}
	}
	s.t.Fatalf("nothing was published to %s at %d", channel, offset)
	return nil
}

// open asks for a stream. The caller closes the answer.
func (s *site) open(path string) *http.Response {
	s.t.Helper()
	req, err := http.NewRequest("GET", s.url+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func TestStreamIsRelayedWhileItArrives(t *testing.T) {
	s := newSite(t, nil)
	up := s.upload("/v1/channels/files/streams?name=caf%C3%A9.txt&event=file", "text/plain; charset=utf-8")
	if up.stream.Name != "café.txt" || up.stream.Type != "text/plain; charset=utf-8" || up.stream.Size != -1 {
		t.Errorf("the beginning says %+v", up.stream)
	}
	down := s.open("/v1/streams/" + up.stream.ID.String())
	for name, want := range map[string]string{
		"Content-Type":            "text/plain; charset=utf-8",
		"Content-Disposition":     `inline; filename="caf_.txt"; filename*=UTF-8''caf%C3%A9.txt`,
		"Wsbridge-Stream-Offset":  "0",
		"Content-Security-Policy": "sandbox; default-src 'none'",
		"X-Content-Type-Options":  "nosniff",
		"Cache-Control":           "no-store",
		"X-Accel-Buffering":       "no",
		"Content-Length":          "",
	} {
		if got := down.Header.Get(name); down.StatusCode != 200 || got != want {
			t.Errorf("status %d, %s: %q", down.StatusCode, name, got)
		}
	}
	// A piece arrives before the next one is sent.
	for i := range 5 {
		line := fmt.Sprintf("line %d\n", i)
		io.WriteString(up.body, line)
		got := make([]byte, len(line))
		if _, err := io.ReadFull(down.Body, got); err != nil || string(got) != line {
			t.Fatalf("%q arrived, and %v", got, err)
		}
	}
	up.body.Close()
	if rest, err := io.ReadAll(down.Body); err != nil || len(rest) > 0 {
		t.Errorf("behind it came %q, %v", rest, err)
	}
	if state := down.Trailer.Get("Wsbridge-Stream-State"); state != "complete" {
		t.Errorf("the trailer says %q", state)
	}
	resp := <-up.answer
	body, _ := io.ReadAll(resp.Body)
	end := s.announced("files", 2)
	want := fmt.Sprintf(`{"stream":"%s","channel":"files","id":"%s","pos":"%s","state":"complete","size":35}`+"\n", up.stream.ID, end.ID, end.Pos)
	if resp.StatusCode != 201 || string(body) != want || resp.Header.Get("Location") != "/v1/streams/"+up.stream.ID.String() {
		t.Errorf("%d %s, Location %s", resp.StatusCode, body, resp.Header.Get("Location"))
	}
	if end.Event != "file" || end.Stream.ID != up.stream.ID || end.Stream.State != pubsub.StreamComplete || end.Stream.Size != 35 {
		t.Errorf("the end says %+v", end.Stream)
	}
	// For a while it can be had behind its end, and then its length is known.
	again := s.open("/v1/streams/" + up.stream.ID.String() + "?from=28")
	rest, err := io.ReadAll(again.Body)
	if err != nil || string(rest) != "line 4\n" || again.ContentLength != 7 || again.Header.Get("Wsbridge-Stream-Offset") != "28" {
		t.Errorf("%q of %d bytes, %v", rest, again.ContentLength, err)
	}
}

func TestStreamOfAKnownLength(t *testing.T) {
	s := newSite(t, nil)
	sent := noise(6<<20 + 5)
	got := make(chan []byte, 1)
	go func() {
		id := s.announced("files", 1).Stream.ID
		down := s.open("/v1/streams/" + id.String())
		all, err := io.ReadAll(down.Body)
		if err != nil || down.ContentLength != int64(len(sent)) {
			t.Errorf("%v, Content-Length %d", err, down.ContentLength)
		}
		got <- all
	}()
	answer := s.do(call{method: "POST", path: "/v1/channels/files/streams", header: []string{"Wsbridge-Meta-Trace: af31"}, body: string(sent)})
	if answer.status != 201 {
		t.Fatalf("%d %s", answer.status, answer.body)
	}
	if all := <-got; !bytes.Equal(all, sent) {
		t.Errorf("%d bytes arrived", len(all))
	}
	first := s.announced("files", 1)
	if first.Stream.Size != int64(len(sent)) || first.Stream.Type != "application/octet-stream" || first.Meta["trace"] != "af31" || first.From != nil {
		t.Errorf("the beginning says %+v, %v", first.Stream, first.Meta)
	}
	if got := s.do(call{method: "HEAD", path: "/v1/streams/" + first.Stream.ID.String()}); got.status != 410 {
		t.Errorf("HEAD from a byte that has gone: %d", got.status)
	}
	gone := s.do(call{method: "GET", path: "/v1/streams/" + first.Stream.ID.String()})
	if start := len(sent) - 4<<20; gone.code() != "stream_gone" || !strings.HasSuffix(gone.detail(), fmt.Sprintf("begins at byte %d", start)) {
		t.Errorf("%d %s", gone.status, gone.body)
	}
}

func TestCutUploadIsCutForEveryone(t *testing.T) {
	for _, length := range []string{"", "1000"} {
		s := newSite(t, nil)
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		head := "POST /v1/channels/files/streams HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + apiKey + "\r\n"
		if length == "" {
			fmt.Fprintf(conn, "%sTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", head)
		} else {
			fmt.Fprintf(conn, "%sContent-Length: %s\r\n\r\nhello", head, length)
		}
		down := s.open("/v1/streams/" + s.announced("files", 1).Stream.ID.String())
		got := make([]byte, 5)
		if _, err := io.ReadFull(down.Body, got); err != nil || string(got) != "hello" {
			t.Fatalf("%q, %v", got, err)
		}
		conn.Close()
		if rest, err := io.ReadAll(down.Body); err == nil {
			t.Errorf("length %q: the answer ended as if it were whole, with %q", length, rest)
		}
		if end := s.announced("files", 2).Stream; end.State != pubsub.StreamCut || end.Size != 5 {
			t.Errorf("length %q: the end says %+v", length, end)
		}
	}
}

func TestSenderThatFallsSilent(t *testing.T) {
	s := newSite(t, func(o *Options) { o.StreamIdle = 100 * time.Millisecond })
	up := s.upload("/v1/channels/files/streams", "")
	io.WriteString(up.body, "hello")
	if end := s.announced("files", 2).Stream; end.State != pubsub.StreamCut || end.Size != 5 {
		t.Errorf("the end says %+v", end)
	}
	// Without a client that goes on writing behind the answer.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /v1/channels/b/streams HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 10\r\n\r\nhello", apiKey)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 408 {
		t.Errorf("answered %v, %v", resp, err)
	}
}

func TestStreamThatIsTooLarge(t *testing.T) {
	s := newSite(t, func(o *Options) { o.MaxStream = 10 })
	if got := s.do(call{method: "POST", path: "/v1/channels/a/streams", body: strings.Repeat("x", 11)}); got.code() != "too_large" || s.retained("a") != 0 {
		t.Errorf("announced: %d %s", got.status, got.body)
	}
	if got := s.do(call{method: "POST", path: "/v1/channels/a/streams", reader: strings.NewReader(strings.Repeat("x", 11))}); got.code() != "too_large" {
		t.Errorf("in chunks: %d %s", got.status, got.body)
	}
	if end := s.announced("a", 2).Stream; end.State != pubsub.StreamCut {
		t.Errorf("the end says %+v", end)
	}
	if got := s.do(call{method: "POST", path: "/v1/channels/b/streams", reader: strings.NewReader(strings.Repeat("x", 10))}); got.status != 201 {
		t.Errorf("as long as may be: %d %s", got.status, got.body)
	}
}

func TestStreamsThatAreRefused(t *testing.T) {
	s := newSite(t, nil)
	const path = "/v1/channels/a/streams"
	for _, test := range []struct {
		call
		code string
	}{
		{call{method: "POST", path: path, header: []string{"Authorization: "}}, "unauthorized"},
		{call{method: "POST", path: path, header: []string{"Authorization: Bearer bad"}}, "token_invalid"},
		{call{method: "POST", path: path + "?token=expired", header: []string{"Authorization: "}}, "token_expired"},
		{call{method: "POST", path: path + "?token=narrow", header: []string{"Authorization: "}}, "forbidden"},
		{call{method: "POST", path: path, header: []string{"Authorization: Bearer good", "Origin: http://foreign.example"}}, "origin"},
		{call{method: "POST", path: path + "?client=a%20b", header: []string{"Authorization: "}}, "bad_request"},
		{call{method: "POST", path: "/v1/channels/:a/streams"}, "bad_channel"},
		{call{method: "POST", path: path + "?name=a%0Ab"}, "bad_message"},
		{call{method: "POST", path: path + "?name=%FF"}, "bad_message"},
		{call{method: "POST", path: path + "?name=" + strings.Repeat("x", 256)}, "bad_message"},
		{call{method: "POST", path: path + "?nmae=a"}, "bad_request"},
		{call{method: "POST", path: path, header: []string{"Idempotency-Key: k"}}, "bad_request"},
		{call{method: "POST", path: path, header: []string{"Content-Type: multipart/form-data; boundary=x"}}, "unsupported_media_type"},
		{call{method: "POST", path: path, header: []string{"Content-Encoding: gzip"}}, "unsupported_media_type"},
		{call{method: "GET", path: "/v1/streams/nothing"}, "not_found"},
		{call{method: "GET", path: "/v1/streams/0192f3c4-7a11-7c3e-9d2a-6f0e5b1c8a47"}, "not_found"},
		{call{method: "GET", path: "/v1/streams/0192f3c4-7a11-7c3e-9d2a-6f0e5b1c8a47?from=-1"}, "bad_request"},
		{call{method: "GET", path: "/v1/streams/0192f3c4-7a11-7c3e-9d2a-6f0e5b1c8a47", header: []string{"Authorization: Bearer bad"}}, "token_invalid"},
		{call{method: "GET", path: "/v1/streams/x?token=expired", header: []string{"Authorization: "}}, "token_expired"},
		{call{method: "GET", path: "/v1/streams/x", header: []string{"Origin: http://foreign.example"}}, "origin"},
		{call{method: "OPTIONS", path: "/v1/streams/x", header: []string{"Origin: http://foreign.example"}}, "origin"},
		{call{method: "OPTIONS", path: path, header: []string{"Origin: http://foreign.example"}}, "origin"},
		{call{method: "PUT", path: "/v1/streams/x"}, "method_not_allowed"},
		{call{method: "GET", path: path}, "method_not_allowed"},
	} {
		if got := s.do(test.call); got.code() != test.code {
			t.Errorf("%s %s %q: %d %s", test.method, test.path, test.header, got.status, got.body)
		}
	}
	if n := s.retained("a"); n != 0 {
		t.Errorf("%d messages were published", n)
	}
}

func TestWhoMayReadAStream(t *testing.T) {
	s := newSite(t, nil)
	answer := s.do(call{method: "POST", path: "/v1/channels/a/streams?client=tab-1", header: []string{"Authorization: Bearer good", "Content-Type: text/html"}, body: "<p>"})
	if answer.status != 201 {
		t.Fatalf("%d %s", answer.status, answer.body)
	}
	begin := s.announced("a", 1)
	if begin.From == nil || begin.From.User != "ann" || begin.From.Client != "tab-1" {
		t.Errorf("it comes from %+v", begin.From)
	}
	path := answer.header.Get("Location")
	for header, code := range map[string]string{
		"Authorization: ": "unauthorized", "Authorization: Bearer narrow": "forbidden",
	} {
		if got := s.do(call{method: "GET", path: path, header: []string{header}}); got.code() != code {
			t.Errorf("%s: %d %s", header, got.status, got.body)
		}
	}
	if got := s.do(call{method: "GET", path: path + "?from=4"}); got.code() != "bad_request" {
		t.Errorf("beyond the end: %d %s", got.status, got.body)
	}
	got, err := http.Get(s.url + path + "?token=good")
	if err != nil {
		t.Fatal(err)
	}
	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil || got.StatusCode != 200 || string(body) != "<p>" || got.Header.Get("Content-Disposition") != "attachment" {
		t.Errorf("%d %s, %v, %v", got.StatusCode, body, got.Header, err)
	}
	if head := s.do(call{method: "HEAD", path: path}); head.status != 200 || head.header.Get("Content-Length") != "3" {
		t.Errorf("HEAD: %d, Content-Length %s", head.status, head.header.Get("Content-Length"))
	}
}

func TestStreamLimits(t *testing.T) {
	streams := relay.New(relay.Options{Senders: 2, PerSender: 1, Consumers: 1})
	defer streams.Close()
	s := newSite(t, func(o *Options) {
		o.Transport = transport.New(o.Bridge, transport.Options{Authenticate: authenticateClient, Keys: o.Keys, Relay: streams})
		t.Cleanup(func() { o.Transport.Close() })
	})
	up := s.upload("/v1/channels/a/streams?token=good", "")
	s.open("/v1/streams/" + up.stream.ID.String())
	if got := s.do(call{method: "GET", path: "/v1/streams/" + up.stream.ID.String()}); got.code() != "over_capacity" {
		t.Errorf("a second consumer: %d %s", got.status, got.body)
	}
	mine, err := streams.Send(t.Context(), relay.Info{Channel: "a", Size: -1}, "u:ann")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.do(call{method: "POST", path: "/v1/channels/a/streams", body: "x"}); got.code() != "over_capacity" {
		t.Errorf("a third stream: %d %s", got.status, got.body)
	}
	if got := s.do(call{method: "POST", path: "/v1/channels/a/streams", header: []string{"Authorization: Bearer good"}, body: "x"}); got.code() != "rate_limited" {
		t.Errorf("a second one of a user: %d %s", got.status, got.body)
	}
	mine.Cut(relay.BySender)
}

func TestServerWithoutStreams(t *testing.T) {
	s := newSite(t, func(o *Options) {
		o.Transport = transport.New(o.Bridge, transport.Options{})
		t.Cleanup(func() { o.Transport.Close() })
	})
	for _, c := range []call{
		{method: "POST", path: "/v1/channels/a/streams", body: "x"},
		{method: "GET", path: "/v1/streams/0192f3c4-7a11-7c3e-9d2a-6f0e5b1c8a47"},
	} {
		if got := s.do(c); got.code() != "not_supported" {
			t.Errorf("%s: %d %s", c.method, got.status, got.body)
		}
	}
}

func TestPreflightsOfStreams(t *testing.T) {
	s := newSite(t, nil)
	for _, path := range []string{"/v1/channels/a/streams", "/v1/streams/x"} {
		got := s.do(call{method: "OPTIONS", path: path, header: []string{"Origin: " + s.url, "Access-Control-Request-Method: POST"}})
		if got.status != 204 || got.header.Get("Access-Control-Allow-Origin") != s.url {
			t.Errorf("%s: %d, %v", path, got.status, got.header)
		}
	}
}

func TestStreamWhileTheBrokerIsAway(t *testing.T) {
	s := newSite(t, nil)
	s.broker.fail(pubsub.ErrUnavailable)
	if got := s.do(call{method: "POST", path: "/v1/channels/a/streams", body: "x"}); got.code() != "unavailable" {
		t.Errorf("%d %s", got.status, got.body)
	}
	s.broker.fail(pubsub.ErrOutcomeUnknown)
	time.AfterFunc(100*time.Millisecond, func() { s.broker.fail(nil) })
	if got := s.do(call{method: "POST", path: "/v1/channels/a/streams", body: "x"}); got.code() != "outcome_unknown" {
		t.Errorf("%d %s", got.status, got.body)
	}
	// The beginning may have been published, so the end is as soon as can be.
	if end := s.announced("a", 1).Stream; end.State != pubsub.StreamCut {
		t.Errorf("the end says %+v", end)
	}

	up := s.upload("/v1/channels/b/streams", "")
	s.broker.fail(pubsub.ErrUnavailable)
	up.body.Close()
	time.AfterFunc(100*time.Millisecond, func() { s.broker.fail(nil) })
	if resp := <-up.answer; resp == nil || resp.StatusCode != 201 {
		t.Errorf("answered %v", resp)
	}
	s.announced("b", 2)
}

func TestStreamWhileTheServerStops(t *testing.T) {
	s := newSite(t, nil)
	up := s.upload("/v1/channels/a/streams", "")
	io.WriteString(up.body, "hello")
	down := s.open("/v1/streams/" + up.stream.ID.String())
	if _, err := io.ReadFull(down.Body, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.client.Relay().Drain(stopped); err == nil {
		t.Error("nothing was cut")
	}
	if _, err := io.ReadAll(down.Body); err == nil {
		t.Error("the answer ended as if it were whole")
	}
	// Though the sender says nothing more.
	if end := s.announced("a", 2).Stream; end.State != pubsub.StreamCut || end.Size != 5 {
		t.Errorf("the end says %+v", end)
	}
	if got := s.do(call{method: "POST", path: "/v1/channels/a/streams", body: "x"}); got.code() != "draining" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

// unreachable is an exchange whose records cannot be read.
type unreachable struct{ pubsub.Exchange }

func (unreachable) Get(context.Context, string) ([]byte, error) {
	return nil, fmt.Errorf("dial 10.1.2.3: %w", pubsub.ErrUnavailable)
}

func TestStreamOfAnotherInstanceThatCannotBeReached(t *testing.T) {
	var post membroker.Post
	streams := relay.New(relay.Options{Exchange: unreachable{post.Instance("a")}})
	defer streams.Close()
	s := newSite(t, func(o *Options) {
		o.Transport = transport.New(o.Bridge, transport.Options{Authenticate: authenticateClient, Keys: o.Keys, Relay: streams})
		t.Cleanup(func() { o.Transport.Close() })
	})
	got := s.do(call{method: "GET", path: "/v1/streams/0192f3c4-7a11-7c3e-9d2a-6f0e5b1c8a47"})
	if got.code() != "unavailable" || strings.Contains(got.body, "10.1") {
		t.Errorf("%d %s", got.status, got.body)
	}
}
