package websocket

import (
	"encoding/binary"
	"math"
)

// readHeader takes bytes of a frame header. When it is complete and allowed, the frame is begun. A byte that is not
// allowed is refused when it comes, not when the header is complete.
func (d *Decoder) readHeader(p []byte) (n int, err error) {
	// The usual case: the whole header is there.
	if d.headerN == 0 && len(p) >= 2 {
		if err := d.checkFirst(p[0]); err != nil {
			return 0, err
		}
		if err := d.checkSecond(p[1]); err != nil {
			return 1, err
		}
		if size := headerSize(p[1]); len(p) >= size {
			return size, d.begin(p[:size])
		}
		n = copy(d.header[:], p)
		d.headerN = uint8(n)
		return n, nil
	}
	for ; n < len(p); n++ {
		switch d.headerN {
		case 0:
			err = d.checkFirst(p[n])
		case 1:
			err = d.checkSecond(p[n])
		}
		if err != nil {
			return n, err
		}
		d.header[d.headerN] = p[n]
		d.headerN++
		if d.headerN >= 2 && int(d.headerN) == headerSize(d.header[1]) {
			header := d.header[:d.headerN]
			d.headerN = 0
			return n + 1, d.begin(header)
		}
	}
	return n, nil
}

// checkFirst checks FIN, RSV and the opcode.
func (d *Decoder) checkFirst(b byte) error {
	op := Opcode(b & 0xf)
	if rsv := b & bitsRSV; rsv != 0 {
		// RFC 7692, section 6: RSV1 stands on the first frame of a compressed message and nowhere else.
		if rsv != bitRSV1 || !d.cfg.deflate || op != OpText && op != OpBinary {
			return errRSV
		}
	}
	switch {
	case op.reserved():
		return errOpcode
	case op.control():
		if b&bitFin == 0 {
			return errControlFin
		}
	case op == OpContinuation:
		if d.message == OpContinuation {
			return errNoMessage
		}
	case d.message != OpContinuation:
		return errInMessage
	}
	d.op = op
	return nil
}

// checkSecond checks MASK and the short form of the length.
func (d *Decoder) checkSecond(b byte) error {
	// RFC 6455, section 5.1.
	if masked := b&bitMask != 0; masked != (d.cfg.side == ServerSide) {
		if masked {
			return errMaskPresent
		}
		return errMaskMissing
	}
	if d.op.control() && b&0x7f > maxControl {
		return errControlLength
	}
	return nil
}

// begin starts the frame whose complete header is h.
func (d *Decoder) begin(h []byte) error {
	length := int64(h[1] & 0x7f)
	switch length {
	case length16:
		length = int64(binary.BigEndian.Uint16(h[2:]))
		if length <= maxControl {
			return errLengthForm
		}
	case length64:
		long := binary.BigEndian.Uint64(h[2:])
		if long > math.MaxInt64 {
			return errLengthSign
		}
		if long <= math.MaxUint16 {
			return errLengthForm
		}
		length = int64(long)
	}
	if h[1]&bitMask != 0 {
		d.key = binary.LittleEndian.Uint32(h[len(h)-4:])
	}
	d.remaining = length
	d.inFrame = true
	if d.op.control() {
		return nil
	}

	if d.op != OpContinuation {
		d.message = d.op
		d.compressed = h[0]&bitRSV1 != 0
	}
	d.fin = h[0]&bitFin != 0
	d.fragments++
	limits := &d.cfg.limits
	switch {
	case length > limits.MaxFrame:
		return errFrameTooBig
	case length > limits.wire(d.compressed)-d.size:
		return errMessageTooBig
	case d.fragments > limits.MaxFragments:
		return errTooManyFragments
	}
	d.size += length
	return nil
}

// headerSize returns how long the header is whose second byte is b.
func headerSize(b byte) int {
	n := 2
	switch b & 0x7f {
	case length16:
		n = 4
	case length64:
		n = 10
	}
	if b&bitMask != 0 {
		n += 4
	}
	return n
}
