package raw

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestLineGivesWhatTheServerSays(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) { testLine(t, transport, false) })
	t.Run("get", func(t *testing.T) {
		for _, transport := range []Transport{SSE, HTTPStream, LongPoll, Poll} {
			t.Run(transport.String(), func(t *testing.T) { testLine(t, transport, true) })
		}
	})
}

func testLine(t *testing.T, transport Transport, get bool) {
	orders, news := newLog("orders:42", "aaaa"), newLog("news", "bbbb")
	orders.several(3)
	shown := orders.pos
	start := pubsub.Cursor{}.Set("orders:42", orders.pos).Set("news", news.pos)
	first := orders.next()
	gap := pubsub.Gap{Channel: "news", Reason: pubsub.Trimmed, From: news.pos}
	news.several(5)
	gap.To = news.pos
	second := news.next()
	second.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: []byte{0, 1, 0xff, '\n'}}

	s := &script{start: start, hold: true, events: []any{gap, first, second}}
	line := dial(t, Options{
		URL: serve(t, s), Transport: transport, Get: get, Token: "tok", ClientID: "me", Interval: time.Millisecond,
		Channels: []pubsub.Channel{"orders:42", "news"}, Cursor: pubsub.Cursor{}.Set("orders:42", shown),
	})
	asked := <-s.asked
	if asked.Token != "tok" || asked.Client != "me" || asked.Cursor.String() != "orders:42@"+shown.String()+",news" {
		t.Errorf("the server was asked for %+v", asked)
	}
	events, err := collect(t, line, func(e Event) bool { return e.Message != nil && e.Message.Channel == "news" })
	if err != nil {
		t.Fatal(err)
	}
	if events[0].Type != Welcome {
		t.Errorf("the first event is %q", events[0].Type)
	}
	var got []any
	for _, e := range events {
		switch {
		case e.Gap != nil:
			got = append(got, *e.Gap)
		case e.Message != nil:
			got = append(got, *e.Message)
		}
	}
	if diff := cmp.Diff([]any{gap, first, second}, got); diff != "" {
		t.Errorf("said (-) and given (+) differ:\n%s", diff)
	}
	want := pubsub.Cursor{}.Set("orders:42", first.Pos).Set("news", second.Pos)
	if got := line.Cursor(); got.String() != want.String() {
		t.Errorf("the cursor is %s, not %s", got, want)
	}
}

func TestCursorFollowsWhatWasTaken(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		l := newLog("a", "aaaa")
		start := pubsub.Cursor{}.Set("a", l.pos)
		line := dial(t, Options{
			URL:       serve(t, &script{start: start, hold: true, events: l.several(10)}),
			Transport: transport, Channels: []pubsub.Channel{"a"}, Interval: time.Millisecond,
		})
		fourth := 0
		events, err := collect(t, line, func(e Event) bool {
			if e.Message != nil {
				fourth++
			}
			return fourth == 4
		})
		if err != nil {
			t.Fatal(err)
		}
		at, _ := line.Cursor().Find("a")
		if want := events[len(events)-1].Message.Pos; at.Pos != want || want.Offset != 4 {
			t.Errorf("the cursor stands at %v behind message %v", at.Pos, want)
		}
	})
}

func TestNextCanBeCancelled(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		l := newLog("a", "aaaa")
		start := pubsub.Cursor{}.Set("a", l.pos)
		line := dial(t, Options{
			URL:       serve(t, &script{start: start, hold: true, events: l.several(1)}),
			Transport: transport, Channels: []pubsub.Channel{"a"}, Interval: time.Millisecond,
		})
		over, cancel := context.WithCancel(t.Context())
		cancel()
		for range 10 {
			if e, err := line.Next(over); err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			} else if e.Message != nil {
				return // select is free to take what is there
			}
		}
		if _, err := collect(t, line, func(e Event) bool { return e.Message != nil }); err != nil {
			t.Errorf("behind a cancelled Next: %v", err)
		}
	})
}

func TestServerCloses(t *testing.T) {
	for _, transport := range []Transport{WebSocket, SSE, HTTPStream} {
		t.Run(transport.String(), func(t *testing.T) {
			line := dial(t, Options{URL: serve(t, &script{events: []any{wire.CloseTooSlow}}), Transport: transport})
			_, err := collect(t, line, nil)
			var closed *CloseError
			if !errors.As(err, &closed) || closed.Code != 4208 || closed.Retry != 1500*time.Millisecond {
				t.Errorf("the line ended with %#v", err)
			}
			if _, again := line.Next(t.Context()); again != err {
				t.Errorf("Next behind the end: %v", again)
			}
		})
	}
}

func TestLineThatBreaksIsNoClose(t *testing.T) {
	for _, transport := range []Transport{WebSocket, SSE, HTTPStream} {
		t.Run(transport.String(), func(t *testing.T) {
			line := dial(t, Options{URL: serve(t, &script{}), Transport: transport})
			if _, err := collect(t, line, nil); !errors.Is(err, ErrBroken) {
				t.Errorf("the line ended with %v", err)
			}
		})
	}
}

func TestCloseEndsEverything(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, end := range []func(*Line) error{(*Line).Close, (*Line).CloseNow} {
			l := newLog("a", "aaaa")
			line := dial(t, Options{
				URL:       serve(t, &script{start: pubsub.Cursor{}.Set("a", l.pos), hold: true, events: l.several(100)}),
				Transport: transport, Channels: []pubsub.Channel{"a"}, Interval: time.Millisecond,
			})
			if err := end(line); err != nil {
				t.Error(err)
			}
			if _, err := line.Next(t.Context()); !errors.Is(err, ErrClosed) {
				t.Errorf("Next on a closed line: %v", err)
			}
		}
	})
}

func TestRefusals(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		for _, tt := range []struct {
			name, contentType, body string
			want                    Refused
		}{
			{"problem", "application/problem+json", `{"code":"over_capacity","detail":"come back later"}`,
				Refused{503, "over_capacity", "come back later", "", 7 * time.Second}},
			{"page of a proxy", "text/html", `<html>{"code":"over_capacity"}`, Refused{503, "", "", "", 7 * time.Second}},
			{"cut problem", "application/problem+json", `{"code":"over`, Refused{503, "", "", "", 7 * time.Second}},
			{"endless problem", "application/problem+json", strings.Repeat(" ", 1<<20) + `{"code":"x"}`, Refused{503, "", "", "", 7 * time.Second}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", tt.contentType)
					w.Header().Set("Retry-After", "7")
					w.WriteHeader(503)
					w.Write([]byte(tt.body))
				}))
				defer server.Close()
				_, err := Open(t.Context(), Options{URL: server.URL, Transport: transport})
				var no *Refused
				if !errors.As(err, &no) || *no != tt.want {
					t.Errorf("got %#v, expected %#v", err, tt.want)
				}
			})
		}
	})
}

func TestOpenEndsWithItsContext(t *testing.T) {
	each(t, func(t *testing.T, transport Transport) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body) // only behind the body is it seen that the client has gone
			<-r.Context().Done()
		}))
		defer server.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if _, err := Open(ctx, Options{URL: server.URL, Transport: transport}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open returned %v", err)
		}
	})
}
