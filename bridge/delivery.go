package bridge

import (
	"sync/atomic"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Form numbers one encoding of a message. The transports say what each means.
type Form uint8

// MaxForms is how many encodings a Delivery can keep.
const MaxForms = 6

// A Delivery is a message on its way to this instance's clients, with the encodings that
// were made of it. All clients share it.
type Delivery struct {
	Message *pubsub.Message
	forms   [MaxForms]atomic.Pointer[[]byte]
}

// Encoded returns the message in one form, made by encode when nobody has asked for the
// form before. Callers do not change the bytes.
func (d *Delivery) Encoded(f Form, encode func(*pubsub.Message) []byte) []byte {
	if b := d.forms[f].Load(); b != nil {
		return *b
	}
	// Two clients that ask at once both encode, and one result is kept: cheaper than a lock
	// that everybody else would pay for.
	b := encode(d.Message)
	if !d.forms[f].CompareAndSwap(nil, &b) {
		return *d.forms[f].Load()
	}
	return b
}

// An Item is what a client's queue holds: *Delivery, *Gap or Reply.
type Item interface{ size() int }

// A Gap tells a client what it will not be given of a channel.
type Gap struct{ pubsub.Gap }

// A Reply is an encoded answer of a transport that has its place between messages.
type Reply []byte

const gapSize = 256 // bytes that a queued gap is counted as

func (d *Delivery) size() int { return d.Message.Size() }
func (g *Gap) size() int      { return gapSize }
func (r Reply) size() int     { return len(r) }
