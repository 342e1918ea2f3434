package wire

import (
	"testing"
	"time"
)

func TestCloseCodes(t *testing.T) {
	names := make(map[string]CloseCode)
	for _, c := range CloseCodes() {
		if other, twice := names[c.String()]; twice {
			t.Errorf("%d and %d are both %s", c, other, c)
		}
		names[c.String()] = c
		// RFC 6455, section 7.4.2: 4000 to 4999 are for private use.
		if c != CloseRestart && (c < 4000 || c > 4299) {
			t.Errorf("%d %s is in no class", c, c)
		}
	}
	if got := CloseCode(4242).String(); got != "4242" {
		t.Errorf("a code without name: %s", got)
	}
}

func TestCloseNext(t *testing.T) {
	for c, want := range map[CloseCode]Next{
		CloseBadRequest: Stop, CloseUnauthorized: Stop, CloseForbidden: Stop, CloseDisconnected: Stop, 4099: Stop,
		CloseOverCapacity: Backoff, CloseUnavailable: Backoff, CloseRateLimited: Backoff, 4199: Backoff,
		CloseTokenExpired: Again, CloseTooSlow: Again, 4200: Again, 4299: Again, CloseRestart: Again,
		0: Backoff, 1000: Backoff, 1006: Backoff, 1011: Backoff, 4300: Backoff,
	} {
		if got := c.Next(); got != want {
			t.Errorf("%d: %v, want %v", c, got, want)
		}
	}
}

func TestCloseReason(t *testing.T) {
	if got := CloseReason(CloseRestart, 1500*time.Millisecond); got != "retry=1500" {
		t.Errorf("with retry: %s", got)
	}
	if got := CloseReason(CloseTooSlow, 0); got != "too_slow" {
		t.Errorf("without retry: %s", got)
	}
	for reason, want := range map[string]time.Duration{
		"retry=1500":           1500 * time.Millisecond,
		"going away retry=7":   7 * time.Millisecond,
		"":                     0,
		"too_slow":             0,
		"retry=":               0,
		"retry=-1":             0,
		"retry=99999999999999": 0,
		"noretry=5":            0,
	} {
		if got := ParseCloseReason(reason); got != want {
			t.Errorf("%q: %v, want %v", reason, got, want)
		}
	}
}
