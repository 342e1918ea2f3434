package client

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestBackoffIsFullJitter(t *testing.T) {
	var most [10]time.Duration
	for range 2000 {
		var b backoff
		for i := range most {
			most[i] = max(most[i], b.next())
		}
	}
	for i, got := range most {
		want := min(20*time.Second, 500*time.Millisecond<<i)
		if got > want || got < want*9/10 {
			t.Errorf("failure %d waits up to %v, expected almost %v", i+1, got, want)
		}
	}
}

func TestWhatIsDoneAfterAnEnd(t *testing.T) {
	const tried = 2 // failures before, so that backing off waits up to 2 s
	for _, tt := range []struct {
		err         error
		least, most time.Duration
		final       bool
	}{
		{closing(wire.CloseRestart, "restart", 300*time.Millisecond), 300 * time.Millisecond, 300 * time.Millisecond, false},
		{closing(wire.CloseTooSlow, "too_slow", time.Second), time.Second, time.Second, false},
		{closing(wire.CloseTooSlow, "too_slow", 0), 0, 2 * time.Second, false},
		{closing(wire.CloseUnavailable, "unavailable", 0), 0, 2 * time.Second, false},
		{closing(wire.CloseOverCapacity, "over_capacity", 5*time.Second), 5 * time.Second, 5 * time.Second, false},
		{closing(1001, "", 0), 0, 2 * time.Second, false},
		{closing(wire.CloseUnauthorized, "unauthorized", 0), 0, 0, true},
		{closing(wire.CloseDisconnected, "disconnected", 0), 0, 0, true},
		{&Refused{Status: 503, Code: "unavailable", RetryAfter: 3 * time.Second}, 3 * time.Second, 5 * time.Second, false},
		{&Refused{Status: 429, Code: "rate_limited"}, 0, 2 * time.Second, false},
		{&Refused{Status: 502}, 0, 2 * time.Second, false},
		{&Refused{Status: 404}, 0, 2 * time.Second, false}, // of a proxy whose server is not there yet
		{&Refused{Status: 404, Code: "not_found"}, 0, 2 * time.Second, true},
		{&Refused{Status: 403, Code: "forbidden"}, 0, 2 * time.Second, true},
		{&Refused{Status: 401, Code: "token_expired"}, 0, 2 * time.Second, true},
		{&Violation{Detail: "a hole"}, 0, 2 * time.Second, false},
		{fmt.Errorf("poll: %w", raw.ErrBroken), 0, 2 * time.Second, false},
		{errors.New("no URL"), 0, 2 * time.Second, true},
	} {
		for range 50 {
			b := backoff{failures: tried}
			wait, final := b.after(tt.err, time.Second)
			if final != tt.final || !final && (wait < tt.least || wait > tt.most) {
				t.Errorf("%v: wait %v, final %v", tt.err, wait, final)
			}
		}
	}
}

func TestAtOnceIsOnceOnly(t *testing.T) {
	var b backoff
	end := closing(wire.CloseTooSlow, "too_slow", 0)
	if wait, _ := b.after(end, time.Second); wait != 0 {
		t.Errorf("the first time waits %v", wait)
	}
	waited := time.Duration(0)
	for range 10 {
		wait, _ := b.after(end, time.Second)
		waited += wait
	}
	if waited == 0 {
		t.Error("a server that ends each line at once is asked without a pause")
	}
	if wait, _ := b.after(end, time.Minute); wait != 0 {
		t.Errorf("behind a good line: wait %v", wait)
	}
}

func closing(code wire.CloseCode, reason string, retry time.Duration) error {
	return &CloseError{Code: code, Reason: reason, Retry: retry}
}

func TestLinesThatAreCutAreNotWaitedForLonger(t *testing.T) {
	b := backoff{failures: 8}
	for range 50 {
		if wait, _ := b.after(raw.ErrBroken, 3*time.Second); wait > 3*time.Second {
			t.Fatalf("a line lasted 3 s, and the next one waits %v", wait)
		}
	}
	longest := time.Duration(0)
	for range 50 {
		wait, _ := b.after(raw.ErrBroken, 100*time.Millisecond)
		longest = max(longest, wait)
	}
	if longest < 3*time.Second {
		t.Errorf("lines that end at once are followed after %v at most", longest)
	}
}
