// Package page is the page at / of a development or demo server: it follows one channel on
// all transports side by side and publishes to it.
//
//	mux.Handle("/", page.Handler(page.Options{}))
//
// The page is a client like any other: it uses the public endpoints of the server that
// serves it, and nothing else is behind it. Its files lie in web/ and are embedded; they
// name no other host, so that it works without a network.
//
// The handler answers GET and HEAD at / and below /page/, and is safe for concurrent use.
package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"io/fs"
	"net/http"
	"path"
	"time"

	"github.com/wsbridge/wsbridge/internal/problem"
)

//go:embed web
var web embed.FS

// Options says what the server asks of the page's visitors.
type Options struct {
	Demo bool // keys are in force, so the page asks for them; default: everyone may do everything
}

// A file never changes after it was loaded.
type file struct {
	contentType string
	etag        string
	content     []byte
}

// The types are spelled out because package mime asks the machine's own tables, and a
// browser runs no module of another type.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

// policy lets the page load and reach nothing but its own server. Its icon is inline.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the page at / and its files below /page/.
func Handler(o Options) http.Handler {
	files := load(o)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, ok := files[r.URL.Path]
		if !ok {
			problem.Write(w, problem.New(problem.NotFound, ""))
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			problem.Write(w, problem.New(problem.MethodNotAllowed, ""))
			return
		}
		h := w.Header()
		h.Set("Content-Type", f.contentType)
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("ETag", f.etag)
		h.Set("Cache-Control", "no-cache") // a newer server's page is seen at once, an equal one costs a 304
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.content))
	})
}

func load(o Options) map[string]file {
	files := make(map[string]file)
	entries, err := fs.ReadDir(web, "web")
	if err != nil {
		panic(err) // the binary holds no page
	}
	for _, e := range entries {
		content, err := web.ReadFile("web/" + e.Name())
		if err != nil {
			panic(err)
		}
		url := "/page/" + e.Name()
		if e.Name() == "index.html" {
			url = "/"
			if o.Demo {
				content = bytes.Replace(content, []byte(`data-mode="dev"`), []byte(`data-mode="demo"`), 1)
			}
		}
		sum := sha256.Sum256(content)
		files[url] = file{
			contentType: contentTypes[path.Ext(e.Name())],
			etag:        `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`,
			content:     content,
		}
	}
	return files
}
