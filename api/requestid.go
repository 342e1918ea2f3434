package api

import (
	"encoding/base32"
	"encoding/binary"
	"math/rand/v2"
	"net/http"
)

const requestIDHeader = "X-Request-Id"

// maxRequestID is the longest id that is taken from a request, in bytes.
const maxRequestID = 128

// requestID gives each answer the id that the request came with, if that is fit to be
// logged, or else a new one.
func requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(requestIDHeader)
		if !validRequestID(id) {
			id = newRequestID()
		}
		w.Header().Set(requestIDHeader, id)
		next.ServeHTTP(w, r)
	})
}

// newRequestID returns 128 bits by chance. Nobody gains anything by guessing one, so they need not
// be secret.
func newRequestID() string {
	var id [16]byte
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	return requestIDs.EncodeToString(id[:])
}

var requestIDs = base32.StdEncoding.WithPadding(base32.NoPadding)

func validRequestID(id string) bool {
	for i := 0; i < len(id); i++ {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':', c == '/', c == '=', c == '+', c == '@':
		default:
			return false
		}
	}
	return 1 <= len(id) && len(id) <= maxRequestID
}
