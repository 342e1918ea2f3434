package websocket

import "math"

// Assembler makes whole messages of the bytes of one peer, for programs that are given them as they come, such as event
// loops. Like the [Decoder] it does no I/O and starts no goroutine; between messages it holds no buffer. A [Conn] needs
// none.
//
// Messages are bounded by Limits.MaxMessage, 1 MiB where that is unlimited. After an error or a close frame nothing more
// is assembled.
type Assembler struct {
	dec      Decoder
	inflater *Inflater // with context takeover; made with the first compressed message
	takeover int       // bits of the peer's window with context takeover; 0: without
	message  []byte    // the beginning of one that came in pieces
}

// NewAssembler returns an assembler for one connection on the given side. params says what was agreed on about compression, nil
// that there is none. cfg was made for the same.
func NewAssembler(cfg *DecoderConfig, params *DeflateParams) Assembler {
	a := Assembler{dec: NewDecoder(cfg)}
	if params != nil {
		if noTakeover, bits := params.of(1 - cfg.side); !noTakeover {
			a.takeover = bits
		}
	}
	return a
}

// limits are those of the decoder, with the bound for what is held in memory.
func (a *Assembler) limits() Limits {
	l := a.dec.cfg.limits
	if l.MaxMessage == math.MaxInt64 {
		l.MaxMessage = defaultMaxMessage
	}
	return l
}

// Next takes bytes from the front of p up to and with the next whole message or control frame, and says how many in n.
// With EventNone it took all of p and wants more; otherwise it is to be called again with p[n:]. A message's event has
// First and Last set; its payload is good until Next is called again or p is overwritten.
func (a *Assembler) Next(p []byte) (n int, ev Event, err error) {
	for {
		used, ev, err := a.dec.Next(p[n:])
		n += used
		if err != nil || ev.Kind != EventData {
			return n, ev, err
		}
		whole, err := a.add(&ev)
		if err != nil {
			a.dec.closed, a.dec.err = true, err
			return n, Event{}, err
		}
		if whole {
			return n, ev, nil
		}
		if n == len(p) {
			return n, Event{}, nil
		}
	}
}

// add takes a piece of a message. When that was the last one, it makes ev the whole of it.
func (a *Assembler) add(ev *Event) (whole bool, err error) {
	limits := a.limits()
	if int64(len(a.message)+len(ev.Payload)) > limits.wire(ev.Compressed) {
		return false, errMessageTooBig // the decoder may be unlimited
	}
	if !ev.Last || len(a.message) > 0 {
		a.message = a.grow(len(ev.Payload))
		a.message = append(a.message, ev.Payload...)
		if !ev.Last {
			return false, nil
		}
		ev.Payload = a.message
	}
	ev.First, a.message = true, nil
	if !ev.Compressed {
		return true, nil
	}
	i := a.inflater
	if i == nil {
		i = &Inflater{Takeover: a.takeover > 0, WindowBits: a.takeover}
		if i.Takeover {
			a.inflater = i
		}
	}
	ev.Payload, err = i.Append(nil, ev.Op, ev.Payload, limits.MaxMessage)
	ev.Compressed = false
	return true, err
}

// grow makes room for a piece and for what is announced of its frame, of which it believes no more than was sent so far
// and 4 KiB: a length costs a peer nothing.
func (a *Assembler) grow(piece int) []byte {
	have := len(a.message)
	if have+piece <= cap(a.message) {
		return a.message
	}
	room := piece + int(min(a.dec.Remaining(), int64(have+piece+4<<10)))
	grown := make([]byte, have, have+max(room, have/2))
	copy(grown, a.message)
	return grown
}

// Idle reports whether nothing of the next message has come.
func (a *Assembler) Idle() bool { return a.dec.Idle() }
