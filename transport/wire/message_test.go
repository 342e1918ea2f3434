package wire

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

var (
	testID  = uuid.MustParse("018f3c5e-9b1a-7c3d-8e4f-0123456789ab")
	testPos = pubsub.Position{Epoch: "k3Jx9Qa0", Offset: 8, Digest: 0x5d0e91c4}
)

func testMessage() *pubsub.Message {
	return &pubsub.Message{
		Channel: "orders:42",
		ID:      testID,
		Pos:     testPos,
		Event:   "paid",
		Data:    pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(`{"n":9007199254740993}`)},
		Time:    time.Date(2026, 1, 2, 3, 4, 5, 60_000_000, time.UTC),
		From:    &pubsub.Sender{User: "ann", Client: "c7"},
		Meta:    map[string]string{"b": "2", "a": "1"},
	}
}

func bare(m *pubsub.Message, data pubsub.Data) *pubsub.Message {
	return &pubsub.Message{Channel: m.Channel, ID: m.ID, Pos: m.Pos, Time: m.Time, Data: data}
}

const testMembers = `"channel":"orders:42","id":"018f3c5e-9b1a-7c3d-8e4f-0123456789ab","pos":"k3Jx9Qa0-8-5d0e91c4",` +
	`"event":"paid","data":{"n":9007199254740993},"time":"2026-01-02T03:04:05.060Z",` +
	`"from":{"user":"ann","client":"c7"},"meta":{"a":"1","b":"2"}`

func TestAppendMessage(t *testing.T) {
	m := testMessage()
	binary := bare(m, pubsub.Data{Kind: pubsub.Binary, Bytes: []byte{0xff, 0, 0xfe, 1}})
	none := bare(m, pubsub.Data{})
	none.Event = "tick"
	none.From = &pubsub.Sender{Client: "c7"}
	none.Time = none.Time.In(time.FixedZone("", 7200))
	const head = `"channel":"orders:42","id":"018f3c5e-9b1a-7c3d-8e4f-0123456789ab","pos":"k3Jx9Qa0-8-5d0e91c4",`
	for _, tt := range []struct{ name, got, want string }{
		{"object", string(AppendMessage(nil, m)), "{" + testMembers + "}"},
		{"event", string(AppendMessageEvent(nil, m)), `{"type":"message",` + testMembers + "}"},
		{"line", string(AppendMessageLine(nil, m)),
			`{"type":"message",` + testMembers + `,"cursor":"orders:42@k3Jx9Qa0-8-5d0e91c4"}` + "\n"},
		{"sse", string(AppendMessageSSE(nil, m)), "event: message\ndata: {" + testMembers + "}\n\n"},
		{"binary", string(AppendMessage(nil, binary)),
			"{" + head + `"data_base64":"/wD+AQ==","time":"2026-01-02T03:04:05.060Z"}`},
		{"frame", string(AppendMessageFrame([]byte("x"), binary)),
			"x\x00\x00\x00\x92" + `{"type":"message",` + head + `"time":"2026-01-02T03:04:05.060Z"}` + "\xff\x00\xfe\x01"},
		{"no data", string(AppendMessage(nil, none)),
			"{" + head + `"event":"tick","time":"2026-01-02T03:04:05.060Z","from":{"client":"c7"}}`},
	} {
		if diff := cmp.Diff(tt.want, tt.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
