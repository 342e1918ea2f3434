package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
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

func TestAppendMessageAllocatesNothing(t *testing.T) {
	m := testMessage()
	for i, name := range []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "c", "d", "e", "f"} {
		m.Meta[name] = testPos.Next(uuid.UUID{byte(i)}).String()
	}
	binary := bare(m, pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, 3000)})
	buf := make([]byte, 0, 1<<14)
	for name, encode := range map[string]func([]byte, *pubsub.Message) []byte{
		"object": AppendMessage, "event": AppendMessageEvent, "line": AppendMessageLine,
		"sse": AppendMessageSSE, "frame": AppendMessageFrame,
	} {
		if n := testing.AllocsPerRun(100, func() { encode(buf, m); encode(buf, binary) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// FuzzMessage takes a message through every form and back.
func FuzzMessage(f *testing.F) {
	f.Add("orders:42", "paid", []byte(`{ "n": 9007199254740993 }`), false, "ann", "c7", "k", "v\n", int64(1_750_000_000_123))
	f.Add("a", "", []byte{0xff, 0}, true, "", "", "", "", int64(0))
	f.Add("a", "e", []byte{}, true, "\xff", "c", "\x00", "\u2028", int64(253402300799999))
	f.Fuzz(func(t *testing.T, channel, event string, data []byte, binary bool, user, client, key, value string, ms int64) {
		c, err := pubsub.ParseChannel(channel)
		if err != nil || ms < 0 || ms > 253402300799999 {
			return // the year has four digits (RFC 3339, section 1)
		}
		valid := func(s string) string { return strings.ToValidUTF8(s, "") }
		m := &pubsub.Message{Channel: c, ID: testID, Pos: testPos.Next(testID), Event: valid(event), Time: time.UnixMilli(ms).UTC()}
		if compact, err := AppendCompact(nil, data, MaxDepth); binary {
			m.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: data}
		} else if err == nil {
			m.Data = pubsub.Data{Kind: pubsub.JSON, Bytes: compact}
		}
		if user != "" || client != "" {
			m.From = &pubsub.Sender{User: valid(user), Client: valid(client)}
		}
		if key != "" {
			m.Meta = map[string]string{valid(key): valid(value), "other": "x"}
		}
		same := func(form string, e Event, err error) {
			t.Helper()
			if err != nil {
				t.Fatalf("%s: %v", form, err)
			}
			if diff := cmp.Diff(m, e.Message, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("%s: written and read (-want +got):\n%s", form, diff)
			}
		}
		e, err := ParseEvent(AppendMessageEvent(nil, m))
		same("event", e, err)

		sse := string(AppendMessageSSE(nil, m))
		text := strings.TrimSuffix(strings.TrimPrefix(sse, "event: message\ndata: "), "\n\n")
		if strings.ContainsAny(text, "\r\n") {
			t.Fatalf("a line break within %q", sse)
		}
		e, err = ParseSSE(EventMessage, []byte(text))
		same("sse", e, err)

		line := string(AppendMessageLine(nil, m))
		if strings.Count(line, "\n") != 1 {
			t.Fatalf("a line break within %q", line)
		}
		e, err = ParseEvent([]byte(line))
		same("line", e, err)
		if diff := cmp.Diff(pubsub.Cursor(nil).Set(m.Channel, m.Pos), e.Cursor); diff != "" {
			t.Fatalf("cursor (-want +got):\n%s", diff)
		}
		if m.Data.Kind == pubsub.Binary {
			e, err = ParseFrame(AppendMessageFrame(nil, m))
			same("frame", e, err)
		}
	})
}

func BenchmarkAppendMessage(b *testing.B) {
	m := testMessage()
	buf := make([]byte, 0, 1<<12)
	b.ReportAllocs()
	for b.Loop() {
		AppendMessageEvent(buf, m)
	}
}
