package websocket

import "math"

// Side tells which end of a connection is meant. Clients mask what they send, servers must not (RFC 6455, section 5.1).
type Side uint8

// The two ends of a connection.
const (
	ServerSide Side = iota
	ClientSide
)

// Limits bound what a peer may send. The zero value takes the defaults.
type Limits struct {
	// MaxMessage is the size of one message in bytes, after inflation; above, the connection is closed with 1009.
	// Default 1 MiB; negative: no limit.
	MaxMessage int64
	// MaxFrame is the payload of one frame in bytes, as it is on the wire; above: 1009. Default: no limit of its own.
	MaxFrame int64
	// MaxFragments is the number of frames that one message may be cut into; above: 1008. Default 65,536; negative: no limit.
	MaxFragments int
}

const (
	defaultMaxMessage   = 1 << 20
	defaultMaxFragments = 1 << 16
)

// resolve returns l with its defaults filled in and "no limit" written as the largest number.
func (l Limits) resolve() Limits {
	switch {
	case l.MaxMessage == 0:
		l.MaxMessage = defaultMaxMessage
	case l.MaxMessage < 0:
		l.MaxMessage = math.MaxInt64
	}
	if l.MaxFrame <= 0 {
		l.MaxFrame = math.MaxInt64
	}
	switch {
	case l.MaxFragments == 0:
		l.MaxFragments = defaultMaxFragments
	case l.MaxFragments < 0:
		l.MaxFragments = math.MaxInt
	}
	return l
}

// wire returns the limit for the bytes of a message as they come: deflate makes incompressible data a little longer,
// so a compressed message gets an eighth and 1 KiB on top. Its inflated size is held to MaxMessage exactly.
func (l *Limits) wire(compressed bool) int64 {
	if !compressed || l.MaxMessage > math.MaxInt64/2 {
		return l.MaxMessage
	}
	return l.MaxMessage + l.MaxMessage/8 + 1024
}

// DecoderConfig is what the decoders of many connections have in common. It is not changed after it was made.
type DecoderConfig struct {
	side    Side
	deflate bool
	limits  Limits
}

// NewDecoderConfig returns the config of decoders on the given side: those of ServerSide expect masked frames. deflate
// says that permessage-deflate was negotiated, so that RSV1 may mark a message.
func NewDecoderConfig(side Side, deflate bool, limits Limits) *DecoderConfig {
	return &DecoderConfig{side: side, deflate: deflate, limits: limits.resolve()}
}

// EventKind tells what an [Event] is.
type EventKind uint8

// What the decoder can find. EventNone says that the input ended in front of the next event.
const (
	EventNone EventKind = iota
	EventData
	EventPing
	EventPong
	EventClose
)

// Event is one thing found in the stream of a peer.
type Event struct {
	Kind EventKind
	// Op is OpText or OpBinary for EventData: that of the message, on all its pieces.
	Op Opcode
	// First and Last mark the first and last piece of a message. Each is set on exactly one piece, which may be empty.
	First, Last bool
	// Compressed says that the message has to be inflated. Its text is not validated here: that is left to the [Inflater].
	Compressed bool
	// Code is the status of EventClose, StatusNoStatusReceived when there was none.
	Code StatusCode
	// Payload is unmasked: a piece of a message, what a ping or pong carried, or the reason of a close frame. It lies in
	// the input, except for a control frame that came in parts, and is good until the input is overwritten.
	Payload []byte
}

// Decoder finds messages and control frames in the bytes of one peer. It does no I/O, starts no goroutine and holds no
// buffer: bytes are given to [Decoder.Next] as they come, in pieces of any size, and payloads are unmasked where they lie.
// It is some 80 bytes; only a control frame of which a part has arrived costs 125 more until its end.
//
// After an error or a close frame nothing more is decoded.
type Decoder struct {
	cfg *DecoderConfig
	err error // why decoding ended

	control   *[maxControl]byte // payload of the control frame that is half read
	remaining int64             // bytes of the present frame that are still to come
	size      int64             // wire bytes of the present message, by the lengths announced
	fragments int               // frames of the present message
	key       uint32            // rotated to the next byte
	text      utf8Check

	header   [maxHeader]byte // of the present frame, as far as it came
	headerN  uint8
	controlN uint8

	op         Opcode // of the present frame
	message    Opcode // of the present message, OpContinuation between messages
	fin        bool   // the present frame ends its message
	inFrame    bool   // the header is behind us, the payload is not
	started    bool   // a piece of the present message was given out
	compressed bool   // the present message is
	closed     bool   // a close frame or an error was found
}

// NewDecoder returns a decoder for one connection.
func NewDecoder(cfg *DecoderConfig) Decoder { return Decoder{cfg: cfg} }

// Next takes bytes from the front of p up to and with the next event, and says how many in n. With EventNone it took all
// of p and wants more; otherwise call it again with p[n:] before reading more. The error is a [*ProtocolError], for good.
//
// Next writes into p: payloads are unmasked in place.
func (d *Decoder) Next(p []byte) (n int, ev Event, err error) {
	if d.closed {
		return len(p), Event{}, d.err
	}
	for {
		if !d.inFrame {
			used, err := d.readHeader(p[n:])
			n += used
			if err != nil {
				d.closed, d.err = true, err
				return n, Event{}, err
			}
			if !d.inFrame {
				return n, Event{}, nil
			}
		}
		rest := p[n:]
		if int64(len(rest)) > d.remaining {
			rest = rest[:d.remaining]
		}
		n += len(rest)
		d.remaining -= int64(len(rest))
		if d.cfg.side == ServerSide {
			d.key = mask(rest, d.key)
		}
		if d.op.control() {
			err = d.readControl(rest, &ev)
		} else {
			err = d.readData(rest, &ev)
		}
		if err != nil {
			d.closed, d.err = true, err
			return n, Event{}, err
		}
		if ev.Kind != EventNone || d.inFrame {
			return n, ev, nil
		}
	}
}

// Remaining returns how many bytes of the present data frame are still to come: what may be read into any buffer and
// given to [Decoder.Next] without a header in between. It is 0 between frames and in control frames.
func (d *Decoder) Remaining() int64 {
	if !d.inFrame || d.op.control() {
		return 0
	}
	return d.remaining
}

// Idle reports whether the decoder stands between messages, nothing of the next one having come.
func (d *Decoder) Idle() bool {
	return !d.inFrame && d.headerN == 0 && d.message == OpContinuation
}

// readData takes a piece of a data frame. The event is filled in rather than returned: copying one that was just written
// costs more than the rest of a short message.
func (d *Decoder) readData(p []byte, ev *Event) error {
	if d.remaining == 0 {
		d.inFrame = false
	}
	last := d.fin && d.remaining == 0
	if len(p) == 0 && !last {
		return nil
	}
	if d.message == OpText && !d.compressed {
		// RFC 6455, section 8.1: at once, not when the message is complete.
		if !d.text.write(p) || last && !d.text.complete() {
			return errUTF8
		}
	}
	ev.Kind, ev.Op, ev.Payload = EventData, d.message, p
	ev.First, ev.Last, ev.Compressed = !d.started, last, d.compressed
	d.started = true
	if last {
		d.message, d.started = OpContinuation, false
		d.size, d.fragments = 0, 0
	}
	return nil
}

// readControl takes a part of a control frame, in most cases all of it.
func (d *Decoder) readControl(p []byte, ev *Event) (err error) {
	if d.remaining > 0 || d.control != nil {
		if len(p) > 0 && d.control == nil {
			d.control = new([maxControl]byte)
		}
		if d.control != nil {
			d.controlN += uint8(copy(d.control[d.controlN:], p))
		}
		if d.remaining > 0 {
			return nil
		}
		p = d.control[:d.controlN]
		d.control, d.controlN = nil, 0
	}
	d.inFrame = false
	switch d.op {
	case OpPing:
		ev.Kind, ev.Payload = EventPing, p
	case OpPong:
		ev.Kind, ev.Payload = EventPong, p
	case OpClose:
		ev.Code, ev.Payload, err = parseClose(p)
		if err != nil {
			return err
		}
		// RFC 6455, section 1.4: after a close frame the peer sends nothing, and what it sends is discarded.
		ev.Kind, d.closed = EventClose, true
	}
	return nil
}
