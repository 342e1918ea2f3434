package pubsub

import (
	"crypto/rand"
	"strconv"
)

// An Epoch names one life of a channel's log: 1 to 16 of A-Z a-z 0-9, compared for
// equality by everyone but the broker that made it.
//
// Inside, it is a random name of eight letters and digits, and behind it the number of
// purges that this log has seen. So a log that was purged knows its own earlier epochs
// again without remembering a list of them (see [Epoch.PurgedFrom]).
type Epoch string

const (
	epochName     = 8
	epochMax      = 16
	epochAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// NewEpoch returns the epoch of a log that begins now. It is random enough
// (47 bits) that two lives of one channel do not meet.
func NewEpoch() Epoch {
	var b [epochName]byte
	rand.Read(b[:])
	for i := range b {
		// 256 is no multiple of 62; the bias of the first letters costs less than half a bit.
		b[i] = epochAlphabet[int(b[i])%len(epochAlphabet)]
	}
	return Epoch(b[:])
}

// Purged returns the epoch that follows e when the log is purged.
func (e Epoch) Purged() Epoch {
	name, purges := e.parts()
	next := name + strconv.FormatUint(purges+1, 10)
	if name == "" || len(next) > epochMax {
		return NewEpoch()
	}
	return Epoch(next)
}

// PurgedFrom reports whether purges alone led from the earlier epoch to e.
func (e Epoch) PurgedFrom(earlier Epoch) bool {
	name, purges := e.parts()
	before, fewer := earlier.parts()
	return name != "" && name == before && fewer < purges
}

// parts returns the random name and the number of purges, or "" for an epoch made elsewhere.
func (e Epoch) parts() (name string, purges uint64) {
	if len(e) < epochName {
		return "", 0
	}
	name, count := string(e[:epochName]), string(e[epochName:])
	if count == "" {
		return name, 0
	}
	purges, err := strconv.ParseUint(count, 10, 32)
	if err != nil || count[0] == '0' {
		return "", 0
	}
	return name, purges
}

func (e Epoch) valid() bool {
	if len(e) < 1 || len(e) > epochMax {
		return false
	}
	for i := 0; i < len(e); i++ {
		c := e[i]
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9') {
			return false
		}
	}
	return true
}
