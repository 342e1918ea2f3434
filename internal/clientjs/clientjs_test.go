package clientjs

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func get(script, method string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/client.js", nil)
	r.Header = header
	w := httptest.NewRecorder()
	Handler(script).ServeHTTP(w, r)
	return w
}

func TestScriptsAreServedAndKept(t *testing.T) {
	for name, script := range map[string]string{"client.js": Client, "client-streams.js": Streams} {
		t.Run(name, func(t *testing.T) { servedAndKept(t, script) })
	}
}

func servedAndKept(t *testing.T, script string) {
	whole := get(script, "GET", http.Header{})
	if whole.Code != http.StatusOK || whole.Body.Len() != len(script) {
		t.Fatalf("status %d with %d bytes, want 200 with %d", whole.Code, whole.Body.Len(), len(script))
	}
	if got := whole.Header().Get("Content-Type"); got != "text/javascript; charset=utf-8" {
		t.Errorf("Content-Type: %q", got)
	}
	if !strings.Contains(whole.Header().Get("Cache-Control"), "no-cache") {
		t.Errorf("Cache-Control: %q; a page would keep the client of an older server", whole.Header().Get("Cache-Control"))
	}
	etag := whole.Header().Get("ETag")
	same := get(script, "GET", http.Header{"If-None-Match": {etag}})
	if same.Code != http.StatusNotModified || same.Body.Len() != 0 {
		t.Errorf("with %s: status %d and %d bytes, want 304 and none", etag, same.Code, same.Body.Len())
	}
	if other := get(script, "GET", http.Header{"If-None-Match": {`"another"`}}); other.Code != http.StatusOK {
		t.Errorf("with another ETag: status %d", other.Code)
	}
	if head := get(script, "HEAD", http.Header{}); head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("ETag") != etag {
		t.Errorf("HEAD: status %d, %d bytes, ETag %q", head.Code, head.Body.Len(), head.Header().Get("ETag"))
	}
}

func TestTheScriptIsCompressedForWhoTakesThat(t *testing.T) {
	for accept, want := range map[string]string{
		"gzip": "gzip", "br, gzip;q=0.5, deflate": "gzip", " GZIP ": "gzip", "gzip;q=1.0": "gzip",
		"": "", "br": "", "gzip;q=0": "", "gzip; q=0.0": "", "identity": "",
	} {
		got := get(Client, "GET", http.Header{"Accept-Encoding": {accept}})
		if encoding := got.Header().Get("Content-Encoding"); encoding != want {
			t.Errorf("Accept-Encoding %q: %q, want %q", accept, encoding, want)
			continue
		}
		body := got.Body.Bytes()
		if length := got.Header().Get("Content-Length"); length != strconv.Itoa(len(body)) {
			t.Errorf("Accept-Encoding %q: Content-Length %s, body of %d", accept, length, len(body))
		}
		if want == "gzip" {
			r, err := gzip.NewReader(got.Body)
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		if string(body) != Client {
			t.Errorf("Accept-Encoding %q: not the script", accept)
		}
		// Each form has an ETag of its own, since their bytes differ.
		for _, other := range []string{"", "gzip"} {
			again := get(Client, "GET", http.Header{"Accept-Encoding": {other}, "If-None-Match": {got.Header().Get("ETag")}})
			if same := other == want; same != (again.Code == http.StatusNotModified) {
				t.Errorf("the ETag of %q shown for %q: status %d", accept, other, again.Code)
			}
		}
	}
}

func TestTheScriptsAreTheClient(t *testing.T) {
	for script, parts := range map[string][]string{
		Client:  {"var wsbridge=", "/v1/ws", "/v1/poll", "/v1/send"},
		Streams: {").streams=", "/v1/streams/", "/streams?"},
	} {
		for _, part := range parts {
			if !strings.Contains(script, part) {
				t.Errorf("%.100q has no %q in it; build it by make clientjs", script, part)
			}
		}
	}
}
