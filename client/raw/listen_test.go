package raw

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A web answers requests without a network, so that time can be virtual.
type web func(r *http.Request) (*http.Response, error)

func (w web) RoundTrip(r *http.Request) (*http.Response, error) { return w(r) }

// answers gives one answer after the other, and notes when each request came.
type answers struct {
	list  []func(r *http.Request) (*http.Response, error)
	asked []wire.Request
	times []time.Time
}

func (a *answers) client() *http.Client {
	return &http.Client{Transport: web(func(r *http.Request) (*http.Response, error) {
		a.times = append(a.times, time.Now())
		body, _ := io.ReadAll(r.Body)
		asked, _ := wire.ParseBody(body, 1000)
		a.asked = append(a.asked, asked)
		if len(a.list) == 0 {
			return problem(403, "forbidden", "")(r)
		}
		next := a.list[0]
		a.list = a.list[1:]
		return next(r)
	})}
}

func (a *answers) pauses() (pauses []time.Duration) {
	for i := 1; i < len(a.times); i++ {
		pauses = append(pauses, a.times[i].Sub(a.times[i-1]))
	}
	return pauses
}

func answer(status int, body io.Reader, header ...string) *http.Response {
	resp := &http.Response{StatusCode: status, Header: make(http.Header), Body: io.NopCloser(body), ContentLength: -1}
	for i := 0; i < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp
}

func problem(status int, code, retryAfter string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		return answer(status, strings.NewReader(`{"code":"`+code+`"}`),
			"Content-Type", "application/problem+json", "Retry-After", retryAfter), nil
	}
}

func fails(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }

// stream answers with these texts and then, if hold, with nothing more until the client goes.
func stream(hold bool, texts ...[]byte) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		var text []byte
		for _, t := range texts {
			text = append(text, t...)
		}
		readers := []io.Reader{strings.NewReader(string(text))}
		if hold {
			readers = append(readers, silent{r.Context()})
		}
		return answer(200, io.MultiReader(readers...), "Content-Type", "text/event-stream"), nil
	}
}

type silent struct{ ctx context.Context }

func (s silent) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func welcomeAt(cursor pubsub.Cursor) []byte {
	return wire.AppendWelcomeSSE(wire.AppendIDSSE(nil, cursor), "c7", "", 25*time.Second)
}

func sseMessage(m pubsub.Message) []byte { return wire.AppendMessageSSE(nil, &m) }

func TestListenGoesOnBehindWhatItGave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog("a", "aaaa")
		start := pubsub.Cursor{}.Set("a", l.pos)
		one, two, three := l.next(), l.next(), l.next()
		reborn := newLog("a", "bbbb")
		gap := pubsub.Gap{Channel: "a", Reason: pubsub.Replaced, From: three.Pos, To: reborn.pos}
		first := reborn.next()
		server := &answers{list: []func(*http.Request) (*http.Response, error){
			stream(false, welcomeAt(start), sseMessage(one), sseMessage(two)),
			stream(false, welcomeAt(pubsub.Cursor{}.Set("a", two.Pos)), sseMessage(two), sseMessage(three)),
			fails,
			stream(false, welcomeAt(pubsub.Cursor{}.Set("a", three.Pos)), wire.AppendGapSSE(nil, &gap), sseMessage(first),
				wire.AppendCloseSSE(nil, wire.CloseDisconnected, 0)),
		}}
		listener := NewListener(Options{URL: "http://a", Transport: SSE, Channels: []pubsub.Channel{"a"}, HTTPClient: server.client()})
		var given []string
		var last error
		for e, err := range listener.Listen(t.Context()) {
			last = err
			at, _ := listener.Cursor().Find("a")
			switch {
			case e.Message != nil:
				given = append(given, fmt.Sprintf("%s-%d", e.Message.Pos.Epoch, e.Message.Pos.Offset))
				if at.Pos != e.Message.Pos {
					t.Errorf("while message %v is handled, the cursor stands at %v", e.Message.Pos, at.Pos)
				}
			case e.Gap != nil:
				given = append(given, "gap "+string(e.Gap.Reason))
			}
		}
		if diff := cmp.Diff([]string{"aaaa-1", "aaaa-2", "aaaa-3", "gap epoch", "bbbb-1"}, given); diff != "" {
			t.Errorf("expected (-) and given (+) differ:\n%s", diff)
		}
		if closed := (*CloseError)(nil); !errors.As(last, &closed) || closed.Code != wire.CloseDisconnected {
			t.Errorf("it ended with %v", last)
		}
		var asked []string
		for _, r := range server.asked {
			asked = append(asked, r.Cursor.String())
			if r.Client != server.asked[0].Client || r.Client == "" {
				t.Errorf("the client was called %q, then %q", server.asked[0].Client, r.Client)
			}
		}
		want := []string{"a", "a@" + two.Pos.String(), "a@" + three.Pos.String(), "a@" + three.Pos.String()}
		if diff := cmp.Diff(want, asked); diff != "" {
			t.Errorf("cursors expected (-) and shown (+) differ:\n%s", diff)
		}
	})
}

func TestListenWaitsAsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		here := welcomeAt(nil)
		server := &answers{list: []func(*http.Request) (*http.Response, error){
			problem(503, "starting", "7"),
			stream(false, here, wire.AppendCloseSSE(nil, wire.CloseRestart, 1500*time.Millisecond)),
			stream(true, here),
			func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
		}}
		var reasons []string
		for _, err := range Listen(t.Context(), Options{
			URL: "http://a", Transport: SSE, HTTPClient: server.client(),
			OnRetry: func(reason error, after time.Duration) { reasons = append(reasons, reason.Error()) },
		}) {
			if err != nil {
				reasons = append(reasons, err.Error())
			}
		}
		for i, want := range []struct{ least, most time.Duration }{
			{7 * time.Second, 8 * time.Second},
			{1500 * time.Millisecond, 1500 * time.Millisecond},
			{55 * time.Second, 56 * time.Second},         // two heartbeats and the grace, in silence
			{10 * time.Second, 10500 * time.Millisecond}, // the time to open; the silent line had been a good one
		} {
			pauses := server.pauses()
			if len(pauses) <= i || pauses[i] < want.least || pauses[i] > want.most {
				t.Errorf("pause %d of %v is not from %v to %v", i+1, pauses, want.least, want.most)
			}
		}
		for i, want := range []string{"503 starting", "1012 restart", "nothing came for 55s", "not open after 10s", "403 forbidden"} {
			if len(reasons) <= i || !strings.Contains(reasons[i], want) {
				t.Errorf("reason %d of %q is not %q", i+1, reasons, want)
			}
		}
	})
}

func TestListenOutlivesPagesOfProxies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := func(*http.Request) (*http.Response, error) {
			return answer(200, strings.NewReader("<html>please log in"), "Content-Type", "text/html"), nil
		}
		notFound := func(*http.Request) (*http.Response, error) {
			return answer(404, strings.NewReader("<html>"), "Content-Type", "text/html"), nil
		}
		for _, transport := range []Transport{SSE, HTTPStream, LongPoll, Poll} {
			server := &answers{list: []func(*http.Request) (*http.Response, error){page, notFound, fails, page}}
			for _, err := range Listen(t.Context(), Options{URL: "http://a", Transport: transport, HTTPClient: server.client()}) {
				if no := (*Refused)(nil); !errors.As(err, &no) || no.Code != "forbidden" {
					t.Errorf("%v: %v", transport, err)
				}
			}
			if len(server.times) != 5 {
				t.Errorf("%v: %d attempts", transport, len(server.times))
			}
		}
	})
}

func TestListenEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen := func(ctx context.Context, url string, leave bool, list ...func(*http.Request) (*http.Response, error)) (err error) {
			server := &answers{list: list}
			for e, end := range Listen(ctx, Options{URL: url, Transport: SSE, HTTPClient: server.client()}) {
				if err = end; leave && e.Type == Welcome {
					break
				}
			}
			synctest.Wait() // no goroutine may be left, which the bubble checks
			return err
		}
		if err := listen(t.Context(), "http://a", true, stream(true, welcomeAt(nil))); err != nil {
			t.Errorf("when the loop is left: %v", err)
		}
		if err := listen(t.Context(), "nonsense", false); err == nil || !strings.Contains(err.Error(), "no URL of a server") {
			t.Errorf("with a URL that is none: %v", err)
		}
		for _, list := range [][]func(*http.Request) (*http.Response, error){
			{stream(true, welcomeAt(nil))},    // connected
			{problem(503, "starting", "900")}, // waiting
			{func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() }}, // connecting
		} {
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			if err := listen(ctx, "http://a", false, list...); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("when the context ends: %v", err)
			}
			cancel()
		}
	})
}
