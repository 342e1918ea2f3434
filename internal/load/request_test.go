package load

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestRequesterKeepsItsConnection(t *testing.T) {
	var opened atomic.Int64
	hs := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/last" {
			w.Header().Set("Connection", "close")
		}
		w.Write([]byte(strings.Repeat(r.URL.Path, 1000)))
	}))
	hs.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	hs.Start()
	defer hs.Close()
	target, err := newTarget(hs.URL, false)
	if err != nil {
		t.Fatal(err)
	}
	r := requester{target: target}
	defer r.close()
	for _, tt := range []struct {
		path   string
		opened int64
	}{{"/first", 1}, {"/second", 1}, {"/last", 1}, {"/anew", 2}, {"/again", 2}} {
		status, body, err := r.do(t.Context(), patience, []byte(target.head("GET", tt.path, "")+"\r\n"))
		if err != nil || status != 200 || string(body) != strings.Repeat(tt.path, 1000) {
			t.Fatalf("%s: %d, %v: %.20s", tt.path, status, err, body)
		}
		if n := opened.Load(); n != tt.opened {
			t.Errorf("at %s there were %d connections, not %d", tt.path, n, tt.opened)
		}
	}
	r.used = time.Now().Add(-2 * maxIdle)
	if _, _, err := r.do(t.Context(), patience, []byte(target.head("GET", "/late", "")+"\r\n")); err != nil || opened.Load() != 3 {
		t.Errorf("after a pause: %v, %d connections", err, opened.Load())
	}
	r.close()
	if _, _, err := r.do(t.Context(), patience, nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after close: %v", err)
	}
}

func TestRequesterDoesNotWaitForEver(t *testing.T) {
	wait := make(chan struct{})
	hs := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-wait }))
	defer hs.Close()
	defer close(wait)
	target, err := newTarget(hs.URL, false)
	if err != nil {
		t.Fatal(err)
	}
	r := requester{target: target}
	defer r.close()
	var timeout net.Error
	if _, _, err := r.do(t.Context(), 50*time.Millisecond, []byte(target.head("GET", "/", "")+"\r\n")); !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Error(err)
	}
}

func TestAnswersAreBounded(t *testing.T) {
	if _, err := readAll(nil, strings.NewReader(strings.Repeat("x", maxAnswer+1000))); err == nil {
		t.Error("an answer may have any length")
	}
}

func TestRefusalsSayWhatTheProblemDoes(t *testing.T) {
	for body, says := range map[string]string{
		`{"code":"too_large","detail":"at most 256 KiB"}`: "413 too_large: at most 256 KiB",
		`{"code":"too_large"}`:                            "413 too_large",
		`<html>`:                                          "413 Request Entity Too Large",
	} {
		if err := refused(413, []byte(body)); err.Error() != says {
			t.Errorf("%s: %v", body, err)
		}
	}
}
