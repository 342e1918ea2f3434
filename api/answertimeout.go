package api

import (
	"net/http"
	"time"
)

// answerTimeout is how long an answer may take from the request to its last byte, for who
// sets no time of his own as polls and streams do.
const answerTimeout = 2 * time.Minute

// timeAnswer keeps a client that reads nothing from holding an answer for good. The time is
// not lifted, since the last bytes leave when the handler has returned; the next request on
// the connection sets its own.
func timeAnswer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A writer that knows no deadlines has no connection that stands still.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout))
		next.ServeHTTP(w, r)
	})
}
