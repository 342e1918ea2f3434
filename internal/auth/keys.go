package auth

import (
	"crypto/sha256"
	"crypto/subtle"
)

// Keys are the API keys of backends. A nil *Keys matches nothing.
type Keys struct {
	sums []Secret // SHA-256 of the keys, secret since weak keys can be guessed from them
}

// NewKeys takes the keys that match. Empty ones do not.
func NewKeys(keys []Secret) *Keys {
	k := new(Keys)
	for _, key := range keys {
		if key.Len() > 0 {
			sum := sha256.Sum256([]byte(key.Reveal()))
			k.sums = append(k.sums, NewSecret(string(sum[:])))
		}
	}
	return k
}

// Match reports whether presented is one of the keys, in a time that tells neither which
// nor how much of it was right.
func (k *Keys) Match(presented string) bool {
	if k == nil {
		return false
	}
	// Sums have one length, so the comparison does not tell the keys' lengths either.
	sum := sha256.Sum256([]byte(presented))
	match := 0
	for _, key := range k.sums {
		match |= subtle.ConstantTimeCompare(sum[:], []byte(key.Reveal()))
	}
	return match == 1
}
