package transport_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/transport"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestSendPublishesAndReadsHistory(t *testing.T) {
	s := open(t, setup{})
	send := func(body string) wire.Event {
		t.Helper()
		res := s.request("POST", "/v1/send?client=c1", body, "Content-Type: text/plain")
		text := s.read(res)
		e, err := wire.ParseEvent(text)
		if err != nil || res.StatusCode != 200 {
			t.Fatalf("%d %s: %v", res.StatusCode, text, err)
		}
		return e
	}
	const publish = `{"type":"publish","ref":1,"token":"ann","channel":"a","data":[ 1 ],"idempotency_key":"k"}`
	first := send(publish)
	if first.Type != "ok" || first.Ref != "1" || first.Duplicate || first.Pos.Offset != 1 {
		t.Fatalf("%+v", first)
	}
	if again := send(publish); again.ID != first.ID || !again.Duplicate {
		t.Fatalf("%+v, want %s again", again, first.ID)
	}
	e := send(`{"type":"history","token":"ann","channel":"a"}`)
	if len(e.Messages) != 1 || string(e.Messages[0].Data.Bytes) != "[1]" || e.Messages[0].From.Client != "c1" || e.Cursor.String() != "a@"+first.Pos.String() {
		t.Fatalf("%+v", e)
	}
	gap := send(`{"type":"history","token":"ann","channel":"a","since":"otherlife-3-00000000"}`)
	if len(gap.Gaps) != 1 || len(gap.Messages) != 1 {
		t.Fatalf("%+v, want a gap and the message", gap)
	}
	second := send(`{"type":"publish","token":"ann","channel":"a","data":2}`)
	if e := send(fmt.Sprintf(`{"type":"history","token":"ann","channel":"a","before":%q}`, second.Pos)); len(e.Messages) != 1 || string(e.Messages[0].Data.Bytes) != "[1]" {
		t.Fatalf("%+v, want what stands in front of %s", e, second.Pos)
	}
}

func TestSendRefuses(t *testing.T) {
	s := open(t, setup{Options: transport.Options{MaxMessage: 100}})
	long := strings.Repeat("x", 150)
	for _, c := range []struct {
		name, body, code, kind string
		status                 int
	}{
		// What is wrong before there is a command is a problem.
		{"no token", `{"type":"publish","token":"garbage","channel":"a","data":1}`, "token_invalid", "problem", 401},
		{"expired", `{"type":"publish","token":"old","channel":"a","data":1}`, "token_expired", "problem", 401},
		{"broken", `{"type":`, "bad_json", "problem", 400},
		{"no type", `{}`, "bad_request", "problem", 400},
		{"unknown", `{"type":"dance"}`, "unknown_command", "problem", 400},
		// The rest is what a WebSocket would say.
		{"anonymous", `{"type":"publish","ref":1,"channel":"a","data":1}`, "unauthorized", "error", 401},
		{"forbidden", `{"type":"publish","ref":1,"token":"reader","channel":"a","data":1}`, "forbidden", "error", 403},
		{"no history", `{"type":"history","ref":1,"token":"reader","channel":"a"}`, "forbidden", "error", 403},
		{"empty", `{"type":"publish","ref":1,"token":"ann","channel":"a"}`, "bad_message", "error", 400},
		{"large", `{"type":"publish","ref":1,"token":"ann","channel":"a","data":"` + long + `"}`, "too_large", "error", 413},
		{"subscribe", `{"type":"subscribe","ref":1,"token":"ann","channel":"a"}`, "bad_request", "error", 400},
		{"presence", `{"type":"presence","ref":1,"token":"ann","channel":"a"}`, "not_supported", "error", 501},
		{"rpc", `{"type":"rpc","ref":1,"token":"ann","method":"m"}`, "not_supported", "error", 501},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := s.request("POST", "/v1/send", c.body)
			body := string(s.read(res))
			if res.StatusCode != c.status || !strings.Contains(body, `"code":"`+c.code+`"`) {
				t.Errorf("%d %s, want %d %s", res.StatusCode, body, c.status, c.code)
			}
			if got := strings.HasPrefix(body, `{"type":"error","ref":1,`); got != (c.kind == "error") {
				t.Errorf("%s, want a %s", body, c.kind)
			}
		})
	}
	s.broker.down.Store(true)
	res := s.request("POST", "/v1/send", `{"type":"publish","ref":1,"token":"ann","channel":"a","data":1}`)
	if res.StatusCode != 503 || res.Header.Get("Retry-After") == "" {
		t.Errorf("broker away: %d, Retry-After %q", res.StatusCode, res.Header.Get("Retry-After"))
	}
	if res := s.request("GET", "/v1/send", ""); res.StatusCode != 405 || res.Header.Get("Allow") != "POST" {
		t.Errorf("GET: %d, Allow %q", res.StatusCode, res.Header.Get("Allow"))
	}
}

// Whoever does not take its answer holds a connection no longer than a write may take.
func TestSendIsCutWhenNobodyReadsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		nc, err := s.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		const body = `{"type":"history","token":"ann","channel":"a"}`
		fmt.Fprintf(nc, "POST /v1/send HTTP/1.1\r\nHost: pipe\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
		time.Sleep(time.Minute)
		nc.SetReadDeadline(time.Now().Add(time.Second))
		if answer, err := io.ReadAll(nc); err != nil || len(answer) > 0 {
			t.Errorf("after a minute the server still offers %q (%v)", answer, err)
		}
	})
}
