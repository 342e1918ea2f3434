// Package clientjs is the browser client as one script, and serves it.
//
//	mux.Handle("/client.js", clientjs.Handler())
//
// client.js is built from js/ by `make clientjs`; a test of js/ builds it anew and compares.
// It is kept in the repository so that building the server needs Go alone.
//
// The handler answers GET and HEAD, and is safe for concurrent use.
package clientjs

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"net/http"
	"time"
)

//go:embed client.js
var script []byte

// Handler serves the script, to pages of all origins: a script element asks nobody.
func Handler() http.Handler {
	sum := sha256.Sum256(script)
	etag := `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/javascript; charset=utf-8")
		h.Set("X-Content-Type-Options", "nosniff")
		// A page on another origin may have shut itself off from what does not say this.
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("ETag", etag)
		h.Set("Cache-Control", "public, no-cache") // a newer server's client is used at once, an equal one costs a 304
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(script))
	})
}
