package websocket

import (
	"encoding/binary"
	"math"
)

// Opcode says what a frame carries (RFC 6455, section 5.2).
type Opcode uint8

// The opcodes of RFC 6455, section 11.8. All others are reserved and refused.
const (
	OpContinuation Opcode = 0x0
	OpText         Opcode = 0x1
	OpBinary       Opcode = 0x2
	OpClose        Opcode = 0x8
	OpPing         Opcode = 0x9
	OpPong         Opcode = 0xA
)

func (op Opcode) String() string {
	switch op {
	case OpContinuation:
		return "continuation"
	case OpText:
		return "text"
	case OpBinary:
		return "binary"
	case OpClose:
		return "close"
	case OpPing:
		return "ping"
	case OpPong:
		return "pong"
	}
	return "reserved"
}

// control reports whether op is one of the control opcodes, reserved ones included.
func (op Opcode) control() bool { return op&0x8 != 0 }

func (op Opcode) reserved() bool { return op > OpPong || op > OpBinary && op < OpClose }

// The first two bytes of a frame (RFC 6455, section 5.2).
//
//	byte 0: FIN RSV1 RSV2 RSV3 opcode(4)
//	byte 1: MASK length(7), then 0, 2 or 8 bytes of length, then 0 or 4 bytes of key
const (
	bitFin  = 0x80
	bitRSV1 = 0x40
	bitsRSV = 0x70
	bitMask = 0x80

	length16 = 126
	length64 = 127

	maxHeader  = 14
	maxControl = 125
)

// AppendFrame appends an unmasked frame, as servers send them, and returns the extended slice.
//
// The frame may be given to any number of server connections with [Conn.WriteFrames]. rsv1 marks the first frame of
// a compressed message; see [AppendDeflatedFrame] for one that is compressed as well.
func AppendFrame(dst []byte, op Opcode, fin, rsv1 bool, payload []byte) []byte {
	dst = appendHeader(dst, op, fin, rsv1, false, len(payload))
	return append(dst, payload...)
}

// AppendMaskedFrame appends a frame masked with key, as clients send them, and returns the extended slice.
//
// RFC 6455, section 10.3, wants a fresh unpredictable key for every frame, so a masked frame serves one connection.
func AppendMaskedFrame(dst []byte, op Opcode, fin, rsv1 bool, payload []byte, key [4]byte) []byte {
	dst = appendHeader(dst, op, fin, rsv1, true, len(payload))
	dst = append(dst, key[:]...)
	dst = append(dst, payload...)
	mask(dst[len(dst)-len(payload):], binary.LittleEndian.Uint32(key[:]))
	return dst
}

// appendHeader appends a frame header up to and without the masking key.
func appendHeader(dst []byte, op Opcode, fin, rsv1, masked bool, length int) []byte {
	b0, b1 := byte(op), byte(0)
	if fin {
		b0 |= bitFin
	}
	if rsv1 {
		b0 |= bitRSV1
	}
	if masked {
		b1 = bitMask
	}
	switch {
	case length <= maxControl:
		return append(dst, b0, b1|byte(length))
	case length <= math.MaxUint16:
		return append(dst, b0, b1|length16, byte(length>>8), byte(length))
	}
	return binary.BigEndian.AppendUint64(append(dst, b0, b1|length64), uint64(length))
}
