// Package clientjs is the browser client as a script, and what belongs to it, and serves them.
//
//	mux.Handle("/client.js", clientjs.Handler(clientjs.Client))
//
// The scripts are built from js/ by `make clientjs`; a test of js/ builds them anew and compares.
// They are kept in the repository so that building the server needs Go alone.
//
// The handlers answer GET and HEAD, and are safe for concurrent use.
package clientjs

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The scripts.
var (
	//go:embed client.js
	Client string // gives the global wsbridge
	//go:embed client-streams.js
	Streams string // gives wsbridge.streams; to be loaded behind Client
)

// A form is a script as it is sent.
type form struct {
	content []byte
	etag    string
}

func newForm(content []byte) form {
	sum := sha256.Sum256(content)
	return form{content, `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
}

// zipped returns a script as most browsers take it.
func zipped(script string) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // of the level
	}
	w.Write([]byte(script))
	w.Close()
	return b.Bytes()
}

// Handler serves a script, to pages of all origins: a script element asks nobody.
func Handler(script string) http.Handler {
	plain, compressed := newForm([]byte(script)), newForm(zipped(script))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		// A page on another origin may have shut itself off from what does not say this.
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Vary", "Accept-Encoding")
		h.Set("Cache-Control", "public, no-cache") // a newer server's client is used at once, an equal one costs a 304
		f := plain
		if takesGzip(r) {
			f = compressed
			h.Set("Content-Encoding", "gzip")
			h.Set("Content-Length", strconv.Itoa(len(f.content))) // which ServeContent leaves to who encodes
		}
		h.Set("ETag", f.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
	})
}

// takesGzip reports whether the client takes it, and did not say "gzip;q=0".
func takesGzip(r *http.Request) bool {
	for coding := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, weight, _ := strings.Cut(coding, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			q := strings.TrimPrefix(strings.TrimSpace(weight), "q=")
			return strings.Trim(q, "0.") != "" || q == ""
		}
	}
	return false
}
