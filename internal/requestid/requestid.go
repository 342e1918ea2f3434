// Package requestid has the names of requests, which stand in their answers, in problems and in
// the log.
package requestid

import (
	"encoding/base32"
	"encoding/binary"
	"math/rand/v2"
)

// Header is where the id of a request stands in its answer, and in the request if its client, or
// a proxy, has given it one.
const Header = "X-Request-Id"

const (
	// Len is how long an id is that [New] returns, in bytes.
	Len = 26

	// MaxLen is the longest id that is taken from a request, in bytes.
	MaxLen = 128
)

// New returns 128 bits by chance. Nobody gains anything by guessing one, so they need not be
// secret.
func New() string {
	var id [Len]byte
	Put(id[:])
	return string(id[:])
}

// Put writes a new id over the first [Len] bytes of b.
func Put(b []byte) {
	var id [16]byte
	binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
	binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	encoding.Encode(b[:Len], id[:])
}

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Valid reports whether an id from outside is fit to be logged.
func Valid(id string) bool {
	for i := 0; i < len(id); i++ {
		c := id[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':', c == '/', c == '=', c == '+', c == '@':
		default:
			return false
		}
	}
	return 1 <= len(id) && len(id) <= MaxLen
}
