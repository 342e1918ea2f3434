package websocket

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

// transcript decodes in, in pieces that end at cuts, and writes down what comes: messages, a part with "-" behind it where
// something else came between or the input ended, control frames, and the error.
func transcript(d Decoder, in []byte, cuts []int) []string {
	var log []string
	var message *bytes.Buffer
	var last Event
	show := func(end string) {
		z := ""
		if last.Compressed {
			z = "compressed "
		}
		log = append(log, fmt.Sprintf("%s%v %q%s", z, last.Op, message, end))
		message = nil
	}
	flush := func() {
		if message != nil && message.Len() > 0 {
			show("-")
		}
		message = nil
	}
	from := 0
	for _, to := range append(slices.Clone(cuts), len(in)) {
		piece := bytes.Clone(in[from:to])
		from = to
		for {
			n, ev, err := d.Next(piece)
			piece = piece[n:]
			if err != nil {
				var broken *ProtocolError
				if !errors.As(err, &broken) {
					return append(log, "not a ProtocolError")
				}
				if broken.Code != StatusInvalidPayload {
					flush() // how much of bad text comes before its end depends on the cuts
				}
				return append(log, broken.Error())
			}
			switch ev.Kind {
			case EventNone:
				if len(piece) > 0 {
					return append(log, fmt.Sprintf("left %d bytes", len(piece)))
				}
			case EventData:
				if message == nil {
					message = &bytes.Buffer{}
				}
				last = ev
				message.Write(ev.Payload)
				if ev.Last {
					show("")
				}
			case EventPing, EventPong:
				flush()
				log = append(log, fmt.Sprintf("%v %q", map[EventKind]string{EventPing: "ping", EventPong: "pong"}[ev.Kind], ev.Payload))
			case EventClose:
				flush()
				log = append(log, fmt.Sprintf("close %d %q", ev.Code, ev.Payload))
			}
			if ev.Kind == EventNone {
				break
			}
		}
	}
	flush()
	return log
}

// TestDecoderRefuses gives each way to break the protocol, with the byte at which it must show. Nothing behind that is fed.
func TestDecoderRefuses(t *testing.T) {
	server := NewDecoderConfig(ServerSide, false, Limits{MaxMessage: 1000, MaxFrame: 500, MaxFragments: 3})
	deflating := NewDecoderConfig(ServerSide, true, Limits{})
	client := NewDecoderConfig(ClientSide, false, Limits{})
	for _, c := range []struct {
		name string
		cfg  *DecoderConfig
		in   string
		want error
	}{
		{"RSV1 without deflate", server, "\xc1", errRSV},
		{"RSV2", deflating, "\xa1", errRSV},
		{"RSV3", deflating, "\x91", errRSV},
		{"RSV1 on a ping", deflating, "\xc9", errRSV},
		{"RSV1 on a continuation", deflating, "\x01\x80\x00\x00\x00\x00\x40", errRSV},
		{"opcode 3", server, "\x83", errOpcode},
		{"opcode 7", server, "\x87", errOpcode},
		{"opcode 11", server, "\x8b", errOpcode},
		{"opcode 15", server, "\x8f", errOpcode},
		{"fragmented ping", server, "\x09", errControlFin},
		{"long ping", server, "\x89\xfe", errControlLength},
		{"continuation of nothing", server, "\x80", errNoMessage},
		{"message in a message", server, "\x01\x80\x00\x00\x00\x00\x81", errInMessage},
		{"unmasked client", server, "\x81\x00", errMaskMissing},
		{"masked server", client, "\x81\x80", errMaskPresent},
		{"125 as 16 bits", client, "\x82\x7e\x00\x7d", errLengthForm},
		{"65535 as 64 bits", client, "\x82\x7f\x00\x00\x00\x00\x00\x00\xff\xff", errLengthForm},
		{"64th bit", client, "\x82\x7f\x80\x00\x00\x00\x00\x01\x00\x00", errLengthSign},
		{"frame limit", server, "\x82\xfe\x01\xf5\x00\x00\x00\x00", errFrameTooBig},
		{"message limit", server, string(frame(2, false, 0, string(make([]byte, 500)))) + string(frame(0, false, 0, string(make([]byte, 500)))) + "\x80\x81\x00\x00\x00\x00", errMessageTooBig},
		{"fragment limit", server, string(bytes.Join([][]byte{frame(2, false, 0, ""), frame(0, false, 0, ""), frame(0, false, 0, "")}, nil)) + "\x00\x80\x00\x00\x00\x00", errTooManyFragments},
		{"default limit", client, "\x82\x7f\x00\x00\x00\x00\x00\x10\x00\x01", errMessageTooBig},
		{"bad byte of text", client, "\x81\x05ab\xff", errUTF8},
		{"text ends early", client, "\x81\x01\xc3", errUTF8},
		{"bad byte in the next fragment", client, "\x01\x01\xe0\x80\x02\x9f", errUTF8},
		{"close with one byte", client, "\x88\x01\x03", errCloseLength},
		{"close with 1005", client, "\x88\x02\x03\xed", errCloseCode},
		{"close with bad reason", client, "\x88\x03\x03\xe8\xff", errUTF8},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := NewDecoder(c.cfg)
			for i := range len(c.in) {
				_, ev, err := d.Next([]byte{c.in[i]})
				if i < len(c.in)-1 && err != nil {
					t.Fatalf("byte %d refused: %v", i, err)
				}
				if i == len(c.in)-1 && err != c.want {
					t.Fatalf("got %v, %v, want %v", ev, err, c.want)
				}
			}
			whole := NewDecoder(c.cfg)
			in := []byte(c.in)
			var err error
			for n := 0; err == nil && len(in) > 0; in = in[n:] {
				n, _, err = whole.Next(in)
			}
			if err != c.want {
				t.Fatalf("in one piece: %v, want %v", err, c.want)
			}
			if n, _, again := whole.Next([]byte("more")); n != 4 || again != c.want {
				t.Fatalf("after the error: %d, %v", n, again)
			}
		})
	}
}

// TestDecoderCuts decodes one conversation cut at every place, and in single bytes.
func TestDecoderCuts(t *testing.T) {
	in := bytes.Join([][]byte{
		textFrame("hällo"),
		frame(1, false, 0, "frag\xc3"), pingFrame("between"), frame(0, false, 0, ""), frame(0, true, 0, "\xa4ment"),
		binaryFrame(""), pongFrame(""),
		frame(2, false, 0, ""), frame(0, true, 0, string(bytes.Repeat([]byte{1}, 300))),
		closeFrame(1000, "bye"), textFrame("never seen"),
	}, nil)
	want := []string{`text "hällo"`, `text "frag\xc3"-`, `ping "between"`, `text "\xa4ment"`, `binary ""`, `pong ""`,
		fmt.Sprintf("binary %q", bytes.Repeat([]byte{1}, 300)), `close 1000 "bye"`}
	cfg := NewDecoderConfig(ServerSide, false, Limits{})
	var every []int
	for cut := range len(in) {
		every = append(every, cut)
		if diff := cmp.Diff(want, transcript(NewDecoder(cfg), in, []int{cut})); diff != "" {
			t.Fatalf("cut at %d: %s", cut, diff)
		}
	}
	if diff := cmp.Diff(want, transcript(NewDecoder(cfg), in, every)); diff != "" {
		t.Fatalf("byte by byte: %s", diff)
	}
}

func TestDecoderIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(Decoder{}); size > 96 {
		t.Errorf("a decoder has %d bytes", size)
	}
}

func TestDecoderPieces(t *testing.T) {
	d := NewDecoder(NewDecoderConfig(ClientSide, false, Limits{}))
	if !d.Idle() || d.Remaining() != 0 {
		t.Fatal("a new decoder is not idle")
	}
	n, ev, err := d.Next([]byte("\x01\x05he"))
	if n != 4 || err != nil || !ev.First || ev.Last || string(ev.Payload) != "he" || d.Remaining() != 3 || d.Idle() {
		t.Fatal(n, ev, err, d.Remaining())
	}
	n, ev, err = d.Next([]byte("llo\x89"))
	if n != 3 || err != nil || ev.First || ev.Last || string(ev.Payload) != "llo" || d.Remaining() != 0 || d.Idle() {
		t.Fatal(n, ev, err)
	}
	if n, ev, err = d.Next([]byte("\x89\x02p")); n != 3 || err != nil || ev.Kind != EventNone || d.Remaining() != 0 {
		t.Fatal(n, ev, err)
	}
	if n, ev, err = d.Next([]byte("q\x80\x00")); n != 1 || err != nil || ev.Kind != EventPing || string(ev.Payload) != "pq" {
		t.Fatal(n, ev, err)
	}
	if n, ev, err = d.Next([]byte("\x80\x00")); n != 2 || err != nil || ev.First || !ev.Last || len(ev.Payload) != 0 || !d.Idle() {
		t.Fatal(n, ev, err)
	}
}

// TestDecoderRandomConversations decodes what a random peer says, cut at random, against the naive reference.
func TestDecoderRandomConversations(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		var in []byte
		for range 1 + random.IntN(8) {
			op := []int{0, 0, 1, 1, 2, 8, 9, 10, 3}[min(random.IntN(30), 8)%9]
			if random.IntN(3) > 0 {
				op = random.IntN(3)
			}
			payload := make([]byte, []int{0, 1, 5, 125, 126, 300}[random.IntN(6)])
			for i := range payload {
				payload[i] = byte('a' + random.IntN(26))
			}
			if len(payload) > 2 && random.IntN(4) == 0 {
				copy(payload, "\x03\xe8\xc3")
			}
			in = append(in, frame(op, random.IntN(3) > 0, []int{0, 0, 0, 4}[random.IntN(4)], string(payload))...)
		}
		checkDecoder(t, in[:len(in)-random.IntN(3)], true, []byte{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())})
	}
}

func BenchmarkDecoder(b *testing.B) {
	for _, size := range []int{16, 125, 1024, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			d := NewDecoder(NewDecoderConfig(ServerSide, false, Limits{}))
			in := textFrame(string(bytes.Repeat([]byte("a"), size)))
			kept := bytes.Clone(in)
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				copy(in, kept)
				if _, ev, err := d.Next(in); err != nil || !ev.Last {
					b.Fatal(ev, err)
				}
			}
		})
	}
}
