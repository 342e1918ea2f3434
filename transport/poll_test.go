package transport_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
)

func TestPollBeginsNowAndGoesOnBehindItsCursor(t *testing.T) {
	s := open(t, setup{})
	s.publish("a", "0")
	first := s.poll("channels=a,b&wait=0")
	if len(first.Messages) != 0 || len(first.Cursor) != 2 || !first.Cursor[0].Start.Resume {
		t.Fatalf("%+v, want no message and two positions", first)
	}
	s.publish("a", "1")
	s.publish("b", "2")
	s.publish("a", "3")
	second := s.poll("wait=0&cursor=" + first.Cursor.String())
	if got := payloads(second.Messages); len(second.Messages) != 3 || second.More || len(second.Gaps) != 0 {
		t.Fatalf("%s, more %v, gaps %v", got, second.More, second.Gaps)
	}
	if third := s.poll("wait=0&cursor=" + second.Cursor.String()); len(third.Messages) != 0 {
		t.Fatalf("%s came twice", payloads(third.Messages))
	}
	s.await("delivered", 3, func(l *ledger) int { return l.delivered["poll"] })
	s.await("closed", 3, func(l *ledger) int { return l.closed["poll 1000"] })
}

func TestPollAnswerIsWholeAndNotStored(t *testing.T) {
	s := open(t, setup{})
	s.publish("a", `"x"`)
	res := s.request("GET", "/v1/poll?channels=a&cursor=a@0&wait=0&token=ann", "")
	body := s.read(res)
	if got := res.Header.Get("Content-Length"); got != strconv.Itoa(len(body)) || len(res.TransferEncoding) != 0 {
		t.Errorf("Content-Length %q of %d bytes, transfer encoding %v", got, len(body), res.TransferEncoding)
	}
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q", got)
	}
	if !strings.Contains(string(body), `"more":false,"retry":0}`) {
		t.Errorf("answer %s", body)
	}
}

func TestPollIsHeldUntilAMessageComes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, setup{pipes: true})
		cursor := s.poll("channels=a&wait=0").Cursor.String()
		go func() {
			time.Sleep(7 * time.Second)
			s.publish("a", "1")
		}()
		start := time.Now()
		a := s.poll("cursor=" + cursor)
		if took := time.Since(start); payloads(a.Messages) != "1" || took != 7*time.Second {
			t.Fatalf("%q after %v, want 1 after 7 s", payloads(a.Messages), took)
		}
	})
}

func TestPollTimesOut(t *testing.T) {
	for query, want := range map[string]time.Duration{"": 25 * time.Second, "&wait=3": 3 * time.Second, "&wait=600": 55 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, setup{pipes: true})
			start := time.Now()
			a := s.poll("channels=a" + query)
			if took := time.Since(start); len(a.Messages) != 0 || took < want || took > want+time.Second {
				t.Errorf("%q: %d messages after %v, want none after %v", query, len(a.Messages), took, want)
			}
		})
	}
}

func TestPollByPostTakesAListAndTheCommaForm(t *testing.T) {
	s := open(t, setup{})
	s.publish("a", "1")
	s.publish("b", "2")
	for _, body := range []string{
		`{"token":"ann","channels":["a","b"],"cursor":"a@0,b@0","wait":0}`,
		`{"token":"ann","channels":"a,b","cursor":"a@0,b@0","wait":0}`,
	} {
		for _, kind := range []string{"text/plain;charset=UTF-8", "application/json"} {
			res := s.request("POST", "/v1/poll", body, "Content-Type: "+kind)
			if got := string(s.read(res)); res.StatusCode != 200 || strings.Count(got, `"pos"`) != 2 {
				t.Errorf("%s as %s: %d %s", body, kind, res.StatusCode, got)
			}
		}
	}
}

func TestPollLimitCountsOverAllChannelsAndMoreIsTrue(t *testing.T) {
	s := open(t, setup{})
	for i := range 10 {
		s.publish("a", strconv.Itoa(i))
	}
	a := s.poll("cursor=a@0&limit=4&wait=0")
	if got := payloads(a.Messages); got != "0 1 2 3" || !a.More {
		t.Fatalf("%s, more %v", got, a.More)
	}
	a = s.poll("limit=6&wait=0&cursor=" + a.Cursor.String())
	if got := payloads(a.Messages); got != "4 5 6 7 8 9" || a.More {
		t.Fatalf("%s, more %v: nothing is left", got, a.More)
	}
}

func TestPollAnswerEndsNearOneMebibyte(t *testing.T) {
	s := open(t, setup{})
	text := `"` + strings.Repeat("x", 200<<10) + `"`
	for range 8 {
		s.publish("a", text)
	}
	got, cursor := 0, "a@0"
	for polls := 0; got < 8; polls++ {
		a := s.poll("wait=0&cursor=" + cursor)
		if n := len(a.Messages); n > 5 || n == 0 || a.More != (got+n < 8) || polls > 3 {
			t.Fatalf("%d messages behind %d, more %v", n, got, a.More)
		}
		got, cursor = got+len(a.Messages), a.Cursor.String()
	}
}

// A poll keeps nothing on the server, so that channels take turns has to come from the cursor.
func TestPollChannelsTakeTurns(t *testing.T) {
	s := open(t, setup{})
	var all []string
	for c := range 5 {
		all = append(all, fmt.Sprintf("c%d@0", c))
		for i := range 6 {
			s.publish(pubsub.Channel(fmt.Sprintf("c%d", c)), strconv.Itoa(i))
		}
	}
	cursor := strings.Join(all, ",")
	seen := make(map[pubsub.Channel]int)
	for range 10 {
		a := s.poll("channels=c0,c1,c2,c3,c4&wait=0&limit=1&cursor=" + cursor)
		for _, m := range a.Messages {
			seen[m.Channel]++
		}
		cursor = a.Cursor.String()
	}
	for c, n := range seen {
		if n != 2 {
			t.Errorf("%s had %d of 10 messages, want 2", c, n)
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d channels had a message, want 5: %v", len(seen), seen)
	}
}

func TestPollGapStandsInFrontAndIsToldOnce(t *testing.T) {
	keep := pubsub.Retention{Count: 2, Age: time.Hour, Bytes: 1 << 20}
	s := open(t, setup{broker: membroker.Options{Retention: func(pubsub.Channel) pubsub.Retention { return keep }}})
	start := s.poll("channels=a&wait=0").Cursor
	for i := range 100 { // more than the instance remembers by itself
		s.publish("a", strconv.Itoa(i))
	}
	a := s.poll("wait=0&cursor=" + start.String())
	if len(a.Gaps) != 1 || a.Gaps[0].Reason != pubsub.Trimmed || a.Gaps[0].To.Offset-a.Gaps[0].From.Offset != 98 {
		t.Fatalf("gaps %+v, want 98 trimmed", a.Gaps)
	}
	if got := payloads(a.Messages); got != "98 99" {
		t.Fatalf("messages %s, want 98 99", got)
	}
	if again := s.poll("wait=0&cursor=" + a.Cursor.String()); len(again.Gaps)+len(again.Messages) != 0 {
		t.Fatalf("%+v came twice", again)
	}
}

func TestHeldPollIsAnsweredWhenItsTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		expiry := time.Now().Add(5 * time.Second)
		s := open(t, setup{pipes: true, Options: options(expiry)})
		start := time.Now()
		res := s.request("GET", "/v1/poll?channels=a&token=x", "")
		if took := time.Since(start); res.StatusCode != 200 || took < 5*time.Second || took > 6*time.Second {
			t.Fatalf("%d after %v, want an answer after 5 s", res.StatusCode, took)
		}
		s.read(res)
		res = s.request("GET", "/v1/poll?channels=a&token=x", "")
		if body := string(s.read(res)); res.StatusCode != 401 || !strings.Contains(body, `"code":"token_expired"`) {
			t.Fatalf("%d %s, want 401 token_expired", res.StatusCode, body)
		}
		s.awaitClosed("long-poll", 4203)
	})
}

func TestHeldPollStaysWhileTheBrokerIsAway(t *testing.T) {
	s := open(t, setup{})
	cursor := s.poll("channels=a&wait=0").Cursor.String()
	got := make(chan string)
	go func() { got <- payloads(s.poll("cursor=" + cursor).Messages) }()
	s.await("polls", 1, func(l *ledger) int { return l.opened["long-poll"] })
	s.broker.down.Store(true)
	res := s.request("GET", "/v1/poll?channels=new&token=ann", "")
	if body := string(s.read(res)); res.StatusCode != 503 || res.Header.Get("Retry-After") == "" || !strings.Contains(body, `"unavailable"`) {
		t.Fatalf("new poll: %d %s, Retry-After %q", res.StatusCode, body, res.Header.Get("Retry-After"))
	}
	s.broker.down.Store(false)
	s.publish("a", "1")
	if got := <-got; got != "1" {
		t.Fatalf("held poll got %q, want 1", got)
	}
}
