package api

import (
	"io"
	"net/http"
	"time"
)

// timeBody gives the body of each request a time by which it has to be here. It holds for
// bodies that nobody reads as well: the server reads on behind an answer to see whether the
// connection can be kept, and would wait for a sender that stands still.
func (s *server) timeBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body != nil && r.Body != http.NoBody {
			rc := http.NewResponseController(w)
			// A writer that knows no deadlines has no connection that stands still.
			if rc.SetReadDeadline(time.Now().Add(s.BodyTimeout)) == nil {
				r.Body = &timedBody{r.Body, rc}
			}
		}
		next.ServeHTTP(w, r)
	})
}

// A timedBody lifts the deadline when it has been read to its end: behind it, the server
// reads on to see whether the client has gone, for as long as the answer takes.
type timedBody struct {
	io.ReadCloser
	rc *http.ResponseController
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		_ = b.rc.SetReadDeadline(time.Time{}) // it could be set, so it can be lifted
	}
	return n, err
}
