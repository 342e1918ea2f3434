package websocket

import (
	"bytes"
	"fmt"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// naiveTranscript is what transcript must give for a server's decoder without limits, found with the whole input at hand.
func naiveTranscript(in []byte, deflate bool) (log []string) {
	var (
		open, compressed bool
		op               byte
		text             []byte // of the present message
		data             []byte // of the present message since the last other event
	)
	label := func() string {
		if compressed {
			return "compressed " + Opcode(op).String()
		}
		return Opcode(op).String()
	}
	cut := func() {
		if open && len(data) > 0 {
			log = append(log, fmt.Sprintf("%s %q-", label(), data))
		}
		data = nil
	}
	refuse := func(e *ProtocolError) []string {
		if e.Code != StatusInvalidPayload {
			cut()
		}
		return append(log, e.Error())
	}
	for len(in) > 0 {
		b0 := in[0]
		frameOp, fin, rsv := b0&15, b0>>7 == 1, b0>>4&7
		isControl := frameOp >= 8
		switch {
		case rsv != 0 && !(rsv == 4 && deflate && (frameOp == 1 || frameOp == 2)):
			return refuse(errRSV)
		case frameOp > 2 && frameOp < 8, frameOp > 10:
			return refuse(errOpcode)
		case isControl && !fin:
			return refuse(errControlFin)
		case frameOp == 0 && !open:
			return refuse(errNoMessage)
		case frameOp > 0 && !isControl && open:
			return refuse(errInMessage)
		}
		if len(in) < 2 {
			break
		}
		if in[1] < 0x80 {
			return refuse(errMaskMissing)
		}
		n := int(in[1] & 0x7f)
		if isControl && n > 125 {
			return refuse(errControlLength)
		}
		header := 2
		if n >= 126 {
			header += map[int]int{126: 2, 127: 8}[n]
		}
		if len(in) < header+4 {
			break
		}
		if n >= 126 {
			var long uint64
			for _, b := range in[2:header] {
				long = long<<8 | uint64(b)
			}
			switch {
			case long >= 1<<63:
				return refuse(errLengthSign)
			case n == 126 && long < 126, n == 127 && long < 65536:
				return refuse(errLengthForm)
			case long > 1<<20:
				return refuse(errMessageTooBig)
			}
			n = int(long)
		}
		payload := bytes.Clone(in[header+4 : min(len(in), header+4+n)])
		maskBytewise(payload, [4]byte(in[header:header+4]), 0)
		whole := len(payload) == n
		in = in[min(len(in), header+4+n):]

		if isControl {
			if !whole {
				break
			}
			if frameOp == 8 {
				code, reason, err := parseClose(payload)
				if err != nil {
					return refuse(err.(*ProtocolError))
				}
				cut()
				return append(log, fmt.Sprintf("close %d %q", code, reason))
			}
			cut()
			log = append(log, fmt.Sprintf("%v %q", Opcode(frameOp), payload))
			continue
		}
		if frameOp > 0 {
			open, op, compressed, text, data = true, frameOp, rsv == 4, nil, nil
		}
		text, data = append(text, payload...), append(data, payload...)
		if op == 1 && !compressed && (!viable(string(text)) || fin && whole && !utf8.Valid(text)) {
			return refuse(errUTF8)
		}
		if fin && whole {
			log = append(log, fmt.Sprintf("%s %q", label(), data))
			open, data = false, nil
		}
	}
	cut()
	return log
}

// checkDecoder compares the decoder, fed in pieces, with naiveTranscript.
func checkDecoder(t *testing.T, in []byte, deflate bool, cutSeed []byte) {
	t.Helper()
	var cuts []int
	at := 0
	for i := 0; len(cutSeed) > 0 && i < 64; i++ {
		at += int(cutSeed[i%len(cutSeed)]) % 97
		if at > len(in) {
			break
		}
		cuts = append(cuts, at)
	}
	d := NewDecoder(NewDecoderConfig(ServerSide, deflate, Limits{}))
	want := naiveTranscript(in, deflate)
	if diff := cmp.Diff(want, transcript(d, in, cuts)); diff != "" {
		t.Fatalf("%x cut at %v: %s", in, cuts, diff)
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add(textFrame("hello"), false, []byte{3})
	f.Add(append(frame(1, false, 0, "\xc3"), frame(0, true, 0, "\xa4")...), false, []byte{1})
	f.Add(append(frame(2, false, 4, "ab"), append(pingFrame("x"), frame(0, true, 0, "c")...)...), true, []byte{5, 0})
	f.Add(closeFrame(1000, "bye"), false, []byte{})
	f.Add(frame(1, true, 0, string(make([]byte, 70000)))[:50], false, []byte{7})
	f.Fuzz(checkDecoder)
}
