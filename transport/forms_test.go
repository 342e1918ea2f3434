package transport

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/internal/netpoll"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func delivery(kind pubsub.Kind, data string) *bridge.Delivery {
	return &bridge.Delivery{Message: &pubsub.Message{
		Channel: "a", ID: uuid.New(), Pos: pubsub.Position{Epoch: "e", Offset: 1}, Time: time.Now(),
		Data: pubsub.Data{Kind: kind, Bytes: []byte(data)},
	}}
}

// The same bytes go to everyone who takes the form.
func TestEachFormIsMadeOnce(t *testing.T) {
	d := delivery(pubsub.JSON, `"`+strings.Repeat("repeat ", 100)+`"`)
	var scratch []byte
	deflated := func(d *bridge.Delivery) []byte { return frameOf(d, true, &scratch) }
	text := func(d *bridge.Delivery) []byte { return frameOf(d, false, &scratch) }
	object := func(d *bridge.Delivery) []byte { return d.Encoded(formObject, &scratch, wire.AppendMessage) }
	for _, form := range []func(*bridge.Delivery) []byte{object, deflated, text} {
		first, second := form(d), form(d)
		if &first[0] != &second[0] {
			t.Error("a form was made twice")
		}
	}
	if len(deflated(d)) >= len(text(d)) || deflated(d)[0]&0x40 == 0 {
		t.Errorf("compressed to %d of %d bytes", len(deflated(d)), len(text(d)))
	}
	binary := delivery(pubsub.Binary, "pixels")
	if f := frameOf(binary, true, &scratch); f[0] != 0x82 || !bytes.HasSuffix(f, []byte("pixels")) {
		t.Errorf("binary data went as % x", f)
	}
}

func TestWritingAllocatesNothingPerClient(t *testing.T) {
	one, two := delivery(pubsub.JSON, `{"n":1}`), delivery(pubsub.JSON, `{"n":2}`)
	c := &stream{form: &sseForm, cursor: pubsub.Cursor{}.Set("a", pubsub.Position{Epoch: "e"})}
	w := &socket{}
	server := &Server{options: Options{}.withDefaults()}
	var b batch
	for _, talker := range []talker{c, w} {
		o := &w.outlet
		if talker == c {
			o = &c.outlet
		}
		o.server, o.talker, o.line = server, talker, swallow{}
		for _, items := range [][]bridge.Item{{one}, {one, two}} {
			if n := testing.AllocsPerRun(100, func() {
				b.items = append(b.items[:0], items...)
				if o.write(&b) != resting || b.tally.messages != len(items) {
					t.Fatal("it was not written")
				}
			}); n != 0 {
				t.Errorf("%T, %d messages: %v allocations", talker, len(items), n)
			}
		}
	}
}

// swallow is a line that takes everything.
type swallow struct{ netpoll.Conn }

func (swallow) Write(p []byte) (int, error) { return len(p), nil }

// A message is in the binary form as it is in the text form, but for its data.
func TestBinaryFormParses(t *testing.T) {
	f := appendBinary(nil, delivery(pubsub.Binary, "\x00\xff").Message)
	e, err := wire.ParseFrame(f[4:]) // behind the header of a frame of 126 bytes or more
	if err != nil || string(e.Message.Data.Bytes) != "\x00\xff" {
		t.Fatalf("%+v %v", e, err)
	}
}
