package websocket

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// assemble gives in to an assembler in pieces of the given sizes, in turns, and writes down what comes.
func assemble(a Assembler, in []byte, sizes ...int) (log []string) {
	for i := 0; len(in) > 0; i++ {
		piece := bytes.Clone(in[:min(len(in), max(1, sizes[i%len(sizes)]))])
		in = in[len(piece):]
		for {
			n, ev, err := a.Next(piece)
			piece = piece[n:]
			if err != nil {
				return append(log, err.Error())
			}
			if ev.Kind == EventNone {
				break
			}
			if ev.Kind == EventData && (!ev.First || !ev.Last || ev.Compressed) {
				return append(log, "not a whole message")
			}
			log = append(log, fmt.Sprintf("%v %v %d %q", ev.Kind, ev.Op, ev.Code, ev.Payload))
		}
		if len(piece) > 0 {
			return append(log, "left some")
		}
	}
	return log
}

// What a client sends, compressed or not, comes whole however its bytes come.
func TestAssemblerMakesMessagesWhole(t *testing.T) {
	messages := []string{"", "short", strings.Repeat("long and longer, ", 5000), strings.Repeat("long and longer, ", 5000), "äöü€"}
	for name, params := range map[string]*DeflateParams{
		"plain":            nil,
		"without takeover": {ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: 15, ClientMaxWindowBits: 15},
		"with takeover":    {ServerMaxWindowBits: 15, ClientMaxWindowBits: 11},
	} {
		t.Run(name, func(t *testing.T) {
			wire := &scripted{}
			client := NewConn(wire, Config{Side: ClientSide, Deflate: params})
			var want []string
			for _, m := range messages {
				if err := client.WriteMessage(OpText, []byte(m)); err != nil {
					t.Fatal(err)
				}
				w, err := client.Writer(OpBinary)
				if err != nil {
					t.Fatal(err)
				}
				for piece := range slices.Chunk([]byte(m), 7000) {
					w.Write(piece)
					client.Ping([]byte("between"))
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				want = append(want, fmt.Sprintf("%v %v 0 %q", EventData, OpText, m))
				for range (len(m) + 6999) / 7000 {
					want = append(want, fmt.Sprintf("%v %v 0 %q", EventPing, Opcode(0), "between"))
				}
				want = append(want, fmt.Sprintf("%v %v 0 %q", EventData, OpBinary, m))
			}
			cfg := NewDecoderConfig(ServerSide, params != nil, Limits{})
			for _, sizes := range [][]int{{1 << 20}, {1}, {1000, 3, 77}} {
				a := NewAssembler(cfg, params)
				if diff := cmp.Diff(want, assemble(a, wire.wrote.Bytes(), sizes...)); diff != "" {
					t.Errorf("in pieces of %v: %s", sizes, diff)
				}
			}
		})
	}
}

// A message that is too long is refused before it is held, also one that a decoder without limits would let pass, and one that
// only inflates to it.
func TestAssemblerBoundsMessages(t *testing.T) {
	params := &DeflateParams{ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}
	wire := &scripted{}
	client := NewConn(wire, Config{Side: ClientSide, Deflate: params})
	if err := client.WriteMessage(OpText, make([]byte, defaultMaxMessage+1)); err != nil {
		t.Fatal(err)
	}
	for _, limits := range []Limits{{}, {MaxMessage: -1}} {
		a := NewAssembler(NewDecoderConfig(ServerSide, true, limits), params)
		if got := assemble(a, wire.wrote.Bytes(), 1000); len(got) != 1 || got[0] != errMessageTooBig.Error() {
			t.Errorf("%+v: compressed: %.200q", limits, got)
		}
		a = NewAssembler(NewDecoderConfig(ServerSide, true, limits), params)
		in := append(frame(2, false, 0, string(make([]byte, defaultMaxMessage))), frame(0, true, 0, "x")...)
		if got := assemble(a, in, 1000); len(got) != 1 || got[0] != errMessageTooBig.Error() {
			t.Errorf("%+v: plain: %.200q", limits, got)
		}
	}
}

func TestAssemblerIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Assembler{}); n > 144 {
		t.Errorf("it has %d bytes", n)
	}
}

// FuzzAssembler compares what comes of bytes in pieces with what comes of them at once.
func FuzzAssembler(f *testing.F) {
	f.Add(textFrame("hello"), false, []byte{3})
	f.Add(append(frame(1, false, 0, "\xc3"), frame(0, true, 0, "\xa4")...), false, []byte{1})
	f.Add(append(frame(2, false, 4, "ab"), append(pingFrame("x"), frame(0, true, 0, "c")...)...), true, []byte{5, 0})
	f.Add(closeFrame(1000, "bye"), false, []byte{2})
	f.Fuzz(func(t *testing.T, in []byte, deflate bool, cuts []byte) {
		var params *DeflateParams
		if deflate {
			params = &DeflateParams{ServerNoContextTakeover: true, ClientNoContextTakeover: true, ServerMaxWindowBits: 15, ClientMaxWindowBits: 15}
		}
		limits := Limits{MaxMessage: 64 << 10}
		cfg := NewDecoderConfig(ServerSide, deflate, limits)
		sizes := []int{1}
		for _, c := range cuts {
			sizes = append(sizes, int(c))
		}
		whole, pieces := assemble(NewAssembler(cfg, params), in, len(in)), assemble(NewAssembler(cfg, params), in, sizes...)
		if diff := cmp.Diff(whole, pieces); diff != "" {
			t.Errorf("%x: in pieces something else comes: %s", in, diff)
		}
	})
}
