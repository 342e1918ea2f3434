package clientjs

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
)

func get(method string, header http.Header) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/client.js", nil)
	r.Header = header
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w
}

func TestTheScriptIsServedAndKept(t *testing.T) {
	whole := get("GET", http.Header{})
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
	same := get("GET", http.Header{"If-None-Match": {etag}})
	if same.Code != http.StatusNotModified || same.Body.Len() != 0 {
		t.Errorf("with %s: status %d and %d bytes, want 304 and none", etag, same.Code, same.Body.Len())
	}
	if other := get("GET", http.Header{"If-None-Match": {`"another"`}}); other.Code != http.StatusOK {
		t.Errorf("with another ETag: status %d", other.Code)
	}
	if head := get("HEAD", http.Header{}); head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("ETag") != etag {
		t.Errorf("HEAD: status %d, %d bytes, ETag %q", head.Code, head.Body.Len(), head.Header().Get("ETag"))
	}
}

func TestTheScriptIsCompressedForWhoTakesThat(t *testing.T) {
	for accept, want := range map[string]string{
		"gzip": "gzip", "br, gzip;q=0.5, deflate": "gzip", " GZIP ": "gzip", "gzip;q=1.0": "gzip",
		"": "", "br": "", "gzip;q=0": "", "gzip; q=0.0": "", "identity": "",
	} {
		got := get("GET", http.Header{"Accept-Encoding": {accept}})
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
		if !bytes.Equal(body, script) {
			t.Errorf("Accept-Encoding %q: not the script", accept)
		}
		// Each form has an ETag of its own, since their bytes differ.
		for _, other := range []string{"", "gzip"} {
			again := get("GET", http.Header{"Accept-Encoding": {other}, "If-None-Match": {got.Header().Get("ETag")}})
			if same := other == want; same != (again.Code == http.StatusNotModified) {
				t.Errorf("the ETag of %q shown for %q: status %d", accept, other, again.Code)
			}
		}
	}
}

func TestTheScriptIsTheClient(t *testing.T) {
	for _, part := range []string{"var wsbridge=", "/v1/ws", "/v1/poll", "/v1/send"} {
		if !strings.Contains(string(script), part) {
			t.Errorf("client.js has no %q in it; build it by make clientjs", part)
		}
	}
}
