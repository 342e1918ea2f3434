package page

import (
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"strings"
	"testing"
)

func get(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPageNamesOnlyFilesThatAreServed(t *testing.T) {
	h := Handler(Options{})
	reference := regexp.MustCompile(`(?:src|href)="([^"#:]+)"|from '\./([^']+)'`)
	seen := map[string]bool{}
	for queue := []string{"/"}; len(queue) > 0; queue = queue[1:] {
		url := queue[0]
		if seen[url] || strings.HasPrefix(url, "/v1/") {
			continue
		}
		seen[url] = true
		w := get(h, "GET", url)
		if w.Code != 200 {
			t.Errorf("%s: status %d", url, w.Code)
		}
		for _, m := range reference.FindAllStringSubmatch(w.Body.String(), -1) {
			queue = append(queue, path.Join(path.Dir(url), m[1]+m[2]))
		}
	}
	for url := range load(Options{}) {
		if !seen[url] {
			t.Errorf("%s is embedded, and nothing refers to it", url)
		}
	}
}

func TestPageKeepsItsOwnPolicy(t *testing.T) {
	// What the policy forbids would fail silently in a browser: style attributes, inline
	// scripts and handlers, other hosts.
	forbidden := regexp.MustCompile(`\sstyle=|<style|\son[a-z]+="|<script>|javascript:|(?:src|href)="(?:https?:)?//|@import|\burl\(`)
	for url, f := range load(Options{}) {
		if m := forbidden.Find(f.content); m != nil {
			t.Errorf("%s contains %q", url, m)
		}
		if f.contentType == "" {
			t.Errorf("%s has no content type", url)
		}
	}
	h := get(Handler(Options{}), "GET", "/").Header()
	if csp := h.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy: %s", csp)
	}
	if h.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("the content type may be guessed")
	}
}

func TestPageIsRevalidated(t *testing.T) {
	h := Handler(Options{})
	first := get(h, "GET", "/page/main.js")
	etag := first.Header().Get("ETag")
	if first.Code != 200 || etag == "" || first.Header().Get("Cache-Control") != "no-cache" {
		t.Fatalf("status %d, headers %v", first.Code, first.Header())
	}
	if again := get(h, "GET", "/page/main.js", "If-None-Match", etag); again.Code != 304 || again.Body.Len() != 0 {
		t.Errorf("with the same ETag: status %d, %d bytes", again.Code, again.Body.Len())
	}
	if head := get(h, "HEAD", "/"); head.Code != 200 || head.Body.Len() != 0 {
		t.Errorf("HEAD: status %d, %d bytes", head.Code, head.Body.Len())
	}
}

func TestDemoAsksForKeys(t *testing.T) {
	dev, demo := get(Handler(Options{}), "GET", "/"), get(Handler(Options{Demo: true}), "GET", "/")
	if !strings.Contains(dev.Body.String(), `<html lang="en" data-mode="dev">`) {
		t.Error("a development server's page does not say so")
	}
	if !strings.Contains(demo.Body.String(), `<html lang="en" data-mode="demo">`) {
		t.Error("a demo server's page does not say so")
	}
	if dev.Header().Get("ETag") == demo.Header().Get("ETag") {
		t.Error("two pages have one ETag")
	}
}

func TestPageRefuses(t *testing.T) {
	h := Handler(Options{})
	for _, c := range []struct {
		method, url string
		status      int
		code        string
	}{
		{"GET", "/page/", 404, `"not_found"`},
		{"GET", "/page/index.html", 404, `"not_found"`},
		{"GET", "/page/../page.go", 404, `"not_found"`},
		{"POST", "/", 405, `"method_not_allowed"`},
	} {
		w := get(h, c.method, c.url)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.code) {
			t.Errorf("%s %s: status %d, %s", c.method, c.url, w.Code, w.Body)
		}
	}
}
