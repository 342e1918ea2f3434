package relay

import (
	"encoding/binary"

	"github.com/google/uuid"
)

// What instances say to each other:
//
//	 0         1      2             18              26
//	+---------+------+-------------+---------------+---------------
//	| version | kind | stream's id | mirror's nonce | by kind …
//	+---------+------+-------------+---------------+---------------
//
//	want   from, until, cuts (8 bytes each), flags (1 byte), the asker's name
//	leave  nothing
//	piece  offset (8 bytes), bytes; none only says that the origin lives
//	end    size (8 bytes), state (1 byte), reason
//	gone   where the window begins (8 bytes)
//	none   nothing: there is no such stream
//
// Numbers are big-endian. A mirror has everything in front of from, and takes what stands
// between that and until. With flagAgain something was lost, and is to be sent once more. cuts
// counts the consumers that the mirror found to be too slow.
type datagram struct {
	kind  byte
	id    uuid.UUID
	nonce uint64

	from, until, cuts uint64 // from is the offset, the size, or where the window begins
	again             bool
	state             State
	rest              []byte // the asker's name, the bytes, or the reason
}

const (
	datagramVersion = 1
	datagramHead    = 26
	flagAgain       = 1

	kindWant  = 'w'
	kindLeave = 'l'
	kindPiece = 'p'
	kindEnd   = 'e'
	kindGone  = 'g'
	kindNone  = 'n'
)

func (d *datagram) appendTo(b []byte) []byte {
	b = append(b, datagramVersion, d.kind)
	b = append(b, d.id[:]...)
	b = binary.BigEndian.AppendUint64(b, d.nonce)
	switch d.kind {
	case kindWant:
		b = binary.BigEndian.AppendUint64(b, d.from)
		b = binary.BigEndian.AppendUint64(b, d.until)
		b = binary.BigEndian.AppendUint64(b, d.cuts)
		var flags byte
		if d.again {
			flags = flagAgain
		}
		b = append(b, flags)
	case kindPiece, kindGone:
		b = binary.BigEndian.AppendUint64(b, d.from)
	case kindEnd:
		b = binary.BigEndian.AppendUint64(b, d.from)
		b = append(b, byte(d.state))
	}
	return append(b, d.rest...)
}

// parseDatagram reads a datagram; rest aliases it. It reports false for what this version does
// not know, and for what no instance sends.
func parseDatagram(b []byte) (d datagram, ok bool) {
	if len(b) < datagramHead || b[0] != datagramVersion {
		return d, false
	}
	d.kind, d.id, d.nonce = b[1], uuid.UUID(b[2:18]), binary.BigEndian.Uint64(b[18:])
	r := numberReader{rest: b[datagramHead:]}
	switch d.kind {
	case kindWant:
		d.from, d.until, d.cuts = r.number(), r.number(), r.number()
		d.again = r.byte()&flagAgain != 0
	case kindPiece, kindGone:
		d.from = r.number()
	case kindEnd:
		d.from = r.number()
		d.state = State(r.byte())
	case kindLeave, kindNone:
	default:
		return d, false
	}
	d.rest = r.rest
	if r.bad || d.state > Broken || d.from > maxOffset || d.until > maxOffset || len(d.rest) > pieceSize {
		return d, false
	}
	return d, true
}

// maxOffset keeps sums of offsets within an int64.
const maxOffset = 1 << 62

// A numberReader takes numbers from the front. Once something is wrong, bad is set.
type numberReader struct {
	rest []byte
	bad  bool
}

func (r *numberReader) number() uint64 {
	if len(r.rest) < 8 {
		r.bad, r.rest = true, nil
		return 0
	}
	n := binary.BigEndian.Uint64(r.rest)
	r.rest = r.rest[8:]
	return n
}

func (r *numberReader) byte() byte {
	if len(r.rest) < 1 {
		r.bad = true
		return 0
	}
	c := r.rest[0]
	r.rest = r.rest[1:]
	return c
}
