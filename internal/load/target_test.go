package load

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

func TestOtherMachinesAreRefused(t *testing.T) {
	// 192.0.2.0/24 and 2001:db8::/32 are of nobody (RFC 5737, RFC 3849).
	for _, url := range []string{"http://192.0.2.1", "https://192.0.2.1:8443", "http://[2001:db8::1]:8080", "http://0.0.0.0:8080"} {
		_, err := Run(t.Context(), Fanout, Options{URL: url})
		if !errors.Is(err, ErrRemote) || !strings.Contains(err.Error(), "--remote") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestOtherMachinesAreReachedWhenToldSo(t *testing.T) {
	target, err := newTarget("http://192.0.2.1:9", true)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	conn, err := target.dial(ctx)
	if err == nil {
		conn.Close() // some machine answers for everyone
	}
	if errors.Is(err, ErrRemote) {
		t.Error(err)
	}
}

func TestTargets(t *testing.T) {
	for _, tt := range []struct{ url, addr, says string }{
		{"http://localhost", "localhost:80", ""},
		{"https://[::1]/base/", "[::1]:443", ""},
		{"ws://localhost", "", "neither http nor https"},
		{"localhost:8080", "", "not the URL of a server"},
		{"http://%zz", "", "invalid URL escape"},
	} {
		target, err := newTarget(tt.url, false)
		switch {
		case tt.says != "":
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: %v, expected %q", tt.url, err, tt.says)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.url, err)
		case target.addr != tt.addr:
			t.Errorf("%s is at %s, not %s", tt.url, target.addr, tt.addr)
		}
	}
}
