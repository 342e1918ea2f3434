package redisbroker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

func same[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

var publications = []pubsub.Publication{
	{ID: uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8057"), Event: "paid"},
	{ID: uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8058"), Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("null")}},
	{
		ID:    uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a8059"),
		Event: strings.Repeat("é", 100),
		Data:  pubsub.Data{Kind: pubsub.Binary, Bytes: []byte("\x00 \x01\r\n\xff")},
		From:  &pubsub.Sender{User: "ann", Client: "c1"},
		Meta:  map[string]string{"a": "1", "content-type": "image/png", "empty": ""},
	},
	{
		ID:     uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a805b"),
		From:   &pubsub.Sender{Client: "c1"},
		Stream: &pubsub.Stream{ID: uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a805c"), Name: "a b.txt", Type: "text/plain", Size: -1},
	},
	{
		ID: uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a805d"), Event: "e", Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("1")},
		Stream: &pubsub.Stream{ID: uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a805c"), State: pubsub.StreamCut, Size: 1 << 40},
	},
	{ID: uuid.MustParse("01890a5d-ac96-774b-bcce-b302099a805a"), From: &pubsub.Sender{}, Data: pubsub.Data{Kind: pubsub.Binary, Bytes: []byte{}}},
}

func entryOf(kind byte, pos pubsub.Position, at time.Time, total int64, p *pubsub.Publication) string {
	return fmt.Sprintf("\x01%c%s %d %d %s", kind, pos, at.UnixMilli(), total, appendBody(nil, p))
}

func TestEntry(t *testing.T) {
	pos := pubsub.Position{Epoch: "AbCd1234", Offset: 17, Digest: 0x0a1b2c3d}
	at := time.UnixMilli(1_700_000_000_123).UTC()
	for _, p := range publications {
		text := entryOf(kindMessage, pos, at, 99, &p)
		e, err := parseEntry(text)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the total", 99, e.total)
		got, err := decode("c", text)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the message", &pubsub.Message{
			Channel: "c", ID: p.ID, Pos: pos, Event: p.Event, Data: p.Data, Time: at, From: p.From, Meta: p.Meta, Stream: p.Stream,
		}, got.message)
	}
	for _, kind := range []byte{kindBreak, kindScar} {
		got, err := decode("c", entryOf(kind, pos, at, 99, &publications[0]))
		if err != nil || got.message != nil {
			t.Errorf("kind %c: %+v, %v", kind, got, err)
		}
	}
}

func TestEntryOfAnotherVersion(t *testing.T) {
	good := entryOf(kindMessage, pubsub.Position{Epoch: "a"}, time.Now(), 1, &publications[0])
	for _, text := range []string{"", "\x01", "\x02" + good[1:], "\x01x" + good[2:], "m"} {
		if _, err := decode("c", text); !errors.Is(err, errFormat) {
			t.Errorf("%q: %v, want %v", text, err, errFormat)
		}
	}
	for _, text := range []string{"\x01m", "\x01mx 1 1 ", "\x01ma-1-00000000 x 1 ", "\x01ma-1-00000000 1 1 short", good[:len(good)-1]} {
		if _, err := decode("c", text); !errors.Is(err, errDamaged) {
			t.Errorf("%q: %v, want %v", text, err, errDamaged)
		}
	}
}

// FuzzEntry holds that whatever stands in Redis is read or refused, and that what is read is
// written back as it was, but for the order of meta.
func FuzzEntry(f *testing.F) {
	for _, p := range publications {
		f.Add(entryOf(kindMessage, pubsub.Position{Epoch: "a", Offset: 1}, time.UnixMilli(1), 5, &p))
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := decode("c", text)
		if err != nil || got.message == nil {
			return
		}
		m := got.message
		p := pubsub.Publication{ID: m.ID, Event: m.Event, Data: m.Data, From: m.From, Meta: m.Meta, Stream: m.Stream}
		again, err := decode("c", entryOf(kindMessage, m.Pos, m.Time, 0, &p))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the message", m, again.message)
	})
}
