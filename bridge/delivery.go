package bridge

import (
	"bytes"
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
	lone    atomic.Bool // one client was there for it when it came: what is made first is not kept
	forms   [MaxForms]atomic.Pointer[[]byte]
}

// Append appends the message in one form. encode appends it when nobody has asked for the form
// before.
func (d *Delivery) Append(dst []byte, f Form, encode func(dst []byte, m *pubsub.Message) []byte) []byte {
	if kept := d.forms[f].Load(); kept != nil {
		return append(dst, *kept...)
	}
	n := len(dst)
	dst = encode(dst, d.Message)
	if !d.lone.Swap(false) {
		// Two clients that ask at once both encode, and one result is kept: cheaper than a lock
		// that everybody else would pay for.
		kept := bytes.Clone(dst[n:])
		d.forms[f].CompareAndSwap(nil, &kept)
	}
	return dst
}

// Encoded returns the message in one form, in scratch where it is not kept. Callers do not change
// the bytes.
func (d *Delivery) Encoded(f Form, scratch *[]byte, encode func(dst []byte, m *pubsub.Message) []byte) []byte {
	if kept := d.forms[f].Load(); kept != nil {
		return *kept
	}
	*scratch = d.Append((*scratch)[:0], f, encode)
	if kept := d.forms[f].Load(); kept != nil {
		return *kept
	}
	return *scratch
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
