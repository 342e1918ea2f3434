package websocket

import (
	"bytes"
	"testing"
)

// TestAppendFrame holds the encoding to the examples of RFC 6455, section 5.7.
func TestAppendFrame(t *testing.T) {
	key := [4]byte{0x37, 0xfa, 0x21, 0x3d}
	k256, k65536 := bytes.Repeat([]byte{7}, 256), bytes.Repeat([]byte{7}, 65536)
	for _, c := range []struct {
		name string
		got  []byte
		want []byte
	}{
		{"text", AppendFrame(nil, OpText, true, false, []byte("Hello")), []byte("\x81\x05Hello")},
		{"masked text", AppendMaskedFrame(nil, OpText, true, false, []byte("Hello"), key), []byte("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")},
		{"first fragment", AppendFrame(nil, OpText, false, false, []byte("Hel")), []byte("\x01\x03Hel")},
		{"last fragment", AppendFrame(nil, OpContinuation, true, false, []byte("lo")), []byte("\x80\x02lo")},
		{"ping", AppendFrame(nil, OpPing, true, false, []byte("Hello")), []byte("\x89\x05Hello")},
		{"256 bytes", AppendFrame(nil, OpBinary, true, false, k256), append([]byte("\x82\x7e\x01\x00"), k256...)},
		{"64 KiB", AppendFrame(nil, OpBinary, true, false, k65536), append([]byte("\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00"), k65536...)},
		{"compressed", AppendFrame([]byte("in front"), OpText, true, true, []byte{0}), []byte("in front\xc1\x01\x00")},
	} {
		if !bytes.Equal(c.got, c.want) {
			t.Errorf("%s: %.20x, want %.20x", c.name, c.got, c.want)
		}
	}
}

func TestOpcode(t *testing.T) {
	names := map[Opcode]string{OpContinuation: "continuation", OpText: "text", OpBinary: "binary", OpClose: "close", OpPing: "ping", OpPong: "pong"}
	for op := range Opcode(16) {
		name, known := names[op]
		if !known {
			name = "reserved"
		}
		if op.String() != name || op.reserved() == known || op.control() != (op >= 8) {
			t.Errorf("%d: %v, reserved %v, control %v", op, op, op.reserved(), op.control())
		}
	}
}

func BenchmarkAppendFrame(b *testing.B) {
	payload := make([]byte, 256)
	var dst []byte
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendFrame(dst[:0], OpText, true, false, payload)
	}
}
