package pubsub

import (
	"crypto/sha1"
	"encoding/binary"

	"github.com/google/uuid"
)

// A Digest sums up the ids of all messages of a log up to one of them, in order. Two
// logs that share epoch and offset but not their history differ in it, which is how a
// log that lost its tail and counted on is told apart.
//
// It is the first 32 bits of SHA-1 over the digest before (8 lower-case hex digits) and
// the message's id (36 bytes, RFC 9562 section 4), chosen because a script inside Redis
// can compute it as well. It is a checksum, not a protection: a client that forges one
// gets a gap, or not, and nothing else.
type Digest uint32

// Next returns the digest behind the message with the given id. The digest in front of
// the first message is 0.
func (d Digest) Next(id uuid.UUID) Digest {
	var b [8 + 36]byte
	d.put(b[:8])
	putID(b[8:], id)
	sum := sha1.Sum(b[:])
	return Digest(binary.BigEndian.Uint32(sum[:4]))
}

const hexDigits = "0123456789abcdef"

func (d Digest) put(b []byte) {
	for i := 7; i >= 0; i-- {
		b[i] = hexDigits[d&15]
		d >>= 4
	}
}

// putID writes the canonical text of id, as uuid.UUID.String does, without allocating.
func putID(b []byte, id uuid.UUID) {
	j := 0
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b[j] = '-'
			j++
		}
		b[j], b[j+1] = hexDigits[c>>4], hexDigits[c&15]
		j += 2
	}
}

func parseDigest(s string) (Digest, bool) {
	if len(s) != 8 {
		return 0, false
	}
	var d Digest
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case '0' <= c && c <= '9':
			d = d<<4 | Digest(c-'0')
		case 'a' <= c && c <= 'f':
			d = d<<4 | Digest(c-'a'+10)
		default:
			return 0, false
		}
	}
	return d, true
}
