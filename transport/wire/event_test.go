package wire

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wsbridge/wsbridge/pubsub"
)

func testGap() *pubsub.Gap {
	return &pubsub.Gap{Channel: "a", Reason: pubsub.Trimmed,
		From: pubsub.Position{Epoch: "E", Offset: 1, Digest: 1}, To: pubsub.Position{Epoch: "E", Offset: 4, Digest: 4}}
}

const testGapMembers = `"channel":"a","reason":"trimmed","from":"E-1-00000001","to":"E-4-00000004"`

// TestEvents writes each event, holds it against the bytes of docs/protocol.md, and reads
// it again.
func TestEvents(t *testing.T) {
	gap := testGap()
	receipt := pubsub.Receipt{Message: testMessage()}
	cursor := pubsub.Cursor{{Channel: "a", Start: pubsub.Behind(testPos)}}
	history := BeginHistory(nil, "5")
	history = AppendAnswerMessage(history, AppendMessage(nil, testMessage()))
	history = EndHistory(history, []pubsub.Gap{*gap, *gap}, cursor)
	for _, tt := range []struct {
		got  []byte
		want string
		read Event
	}{
		{AppendWelcomeEvent(nil, "c7", "ann", 25*time.Second),
			`{"type":"welcome","client":"c7","user":"ann","heartbeat":25}`,
			Event{Type: EventWelcome, Client: "c7", User: "ann", Heartbeat: 25 * time.Second}},
		{AppendWelcomeLine(nil, "c7", "", 25*time.Second, cursor),
			`{"type":"welcome","client":"c7","heartbeat":25,"cursor":"a@` + posText + `"}` + "\n",
			Event{Type: EventWelcome, Client: "c7", Heartbeat: 25 * time.Second, Cursor: cursor}},
		{AppendOK(nil, "1"), `{"type":"ok","ref":1}`, Event{Type: EventOK, Ref: "1"}},
		{AppendOK(nil, ""), `{"type":"ok"}`, Event{Type: EventOK}},
		{AppendSubscribed(nil, "2", "a", testPos),
			`{"type":"subscribed","ref":2,"channel":"a","pos":"` + posText + `"}`,
			Event{Type: EventSubscribed, Ref: "2", Channel: "a", Pos: testPos}},
		{AppendSubscribed(nil, "", "a", testPos),
			`{"type":"subscribed","channel":"a","pos":"` + posText + `"}`,
			Event{Type: EventSubscribed, Channel: "a", Pos: testPos}},
		{AppendUnsubscribed(nil, "a", "forbidden"),
			`{"type":"unsubscribed","channel":"a","code":"forbidden"}`,
			Event{Type: EventUnsubscribed, Channel: "a", Code: "forbidden"}},
		{AppendPublished(nil, "4", receipt),
			`{"type":"ok","ref":4,"id":"018f3c5e-9b1a-7c3d-8e4f-0123456789ab","pos":"` + posText + `","duplicate":false}`,
			Event{Type: EventOK, Ref: "4", ID: testID.String(), Pos: testPos}},
		{AppendPublished(nil, "", pubsub.Receipt{Message: testMessage(), Duplicate: true}),
			`{"type":"ok","id":"018f3c5e-9b1a-7c3d-8e4f-0123456789ab","pos":"` + posText + `","duplicate":true}`,
			Event{Type: EventOK, ID: testID.String(), Pos: testPos, Duplicate: true}},
		{history,
			`{"type":"ok","ref":5,"messages":[{` + testMembers + `}],"gaps":[{` + testGapMembers + `},{` + testGapMembers + `}],"cursor":"a@` + posText + `"}`,
			Event{Type: EventOK, Ref: "5", Messages: []*pubsub.Message{testMessage()}, Gaps: []pubsub.Gap{*gap, *gap}, Cursor: cursor}},
		{AppendError(nil, "9", "forbidden", `no "a"`, ""),
			`{"type":"error","ref":9,"code":"forbidden","detail":"no \"a\""}`,
			Event{Type: EventError, Ref: "9", Code: "forbidden", Detail: `no "a"`}},
		{AppendError(nil, "", "forbidden", "no", "a"),
			`{"type":"error","code":"forbidden","detail":"no","channel":"a"}`,
			Event{Type: EventError, Code: "forbidden", Detail: "no", Channel: "a"}},
		{AppendGapEvent(nil, gap), `{"type":"gap",` + testGapMembers + `}`, Event{Type: EventGap, Gap: gap}},
		{AppendGapLine(nil, gap), `{"type":"gap",` + testGapMembers + `,"cursor":"a@E-4-00000004"}` + "\n",
			Event{Type: EventGap, Gap: gap, Cursor: pubsub.Cursor{{Channel: "a", Start: pubsub.Behind(gap.To)}}}},
		{[]byte(HeartbeatEvent), `{"type":"heartbeat"}`, Event{Type: EventHeartbeat}},
		{[]byte(HeartbeatLine), `{"type":"heartbeat"}` + "\n", Event{Type: EventHeartbeat}},
		{AppendCloseLine(nil, CloseRestart, 1500*time.Millisecond),
			`{"type":"close","code":1012,"reason":"restart","retry":1500}` + "\n",
			Event{Type: EventClose, CloseCode: CloseRestart, Retry: 1500 * time.Millisecond}},
	} {
		if diff := cmp.Diff(tt.want, string(tt.got)); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
		read, err := ParseEvent(tt.got)
		if err != nil {
			t.Errorf("%s: %v", tt.got, err)
		} else if diff := cmp.Diff(tt.read, read); diff != "" {
			t.Errorf("%s read (-want +got):\n%s", tt.got, diff)
		}
	}
}

func TestParseEventOfLaterServers(t *testing.T) {
	for text, want := range map[string]Event{
		`{"type":"news","size":1}`:                                          {Type: "news"},
		`{"type":"join","channel":"a","user":"u","client":"c"}`:             {Type: EventJoin, Channel: "a", User: "u", Client: "c"},
		`{"type":"ok","ref":6,"members":[{"user":"u"},{"client":"c"}]}`:     {Type: EventOK, Ref: "6", Members: []pubsub.Sender{{User: "u"}, {Client: "c"}}},
		`{"type":"ok","ref":7,"data":{"sum": 3}}`:                           {Type: EventOK, Ref: "7", Data: []byte(`{"sum":3}`)},
		`{"type":"close","code":4208,"reason":"too_slow","retry":0,"at":1}`: {Type: EventClose, CloseCode: CloseTooSlow},
	} {
		got, err := ParseEvent([]byte(text))
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
}

func TestParseEventRefuses(t *testing.T) {
	message := func(old, new string) string {
		return strings.Replace(`{"type":"message",`+testMembers+`}`, old, new, 1)
	}
	for _, tt := range []struct{ text, want string }{
		{`{}`, "has no type"},
		{`[]`, "a JSON object"},
		{`{"type":"ok"`, "byte 12"},
		{message(`"018f`, `"018g`), "no UUID"},
		{message(`"018f3c5e-`, `"018f3c5e`), "no UUID"},
		{message(posText, "7"), "pos: "},
		{message(posText, "0"), "no channel or no pos"},
		{message(`"channel"`, `"canal"`), "no channel or no pos"},
		{message(`"2026-`, `"26-`), "RFC 3339"},
		{message(`"ann"`, `1`), "user must be a string"},
		{message(`{"user":"ann","client":"c7"}`, `"ann"`), "a JSON object"},
		{`{"type":"gap","channel":"a","reason":"trimmed","to":"E-4-00000004"}`, "no from"},
		{`{"type":"gap","channel":"a","reason":"trimmed","from":{},"to":"E-4-00000004"}`, "from must be a string"},
		{`{"type":"ok","messages":{}}`, "messages must be a list"},
		{`{"type":"ok","messages":[1]}`, "a JSON object"},
		{`{"type":"close","code":-1}`, "code must be a number"},
		{`{"type":"close","retry":"1"}`, "retry must be a number"},
	} {
		if _, err := ParseEvent([]byte(tt.text)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want …%s…", tt.text, err, tt.want)
		}
	}
	for text, want := range map[string]string{
		`{"type":"heartbeat"}`: `carries a message or a piece of a stream, not "heartbeat"`,
		`{}`:                   "has no type",
	} {
		if _, err := ParseFrame(frame(text, "x")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("a frame of %s: %v, want …%s…", text, err, want)
		}
	}
	if _, err := ParseFrame([]byte{0, 0, 0}); err == nil {
		t.Error("a frame of three bytes was read")
	}
}

// FuzzEvent holds that what a server sends, good or bad, is read or refused.
func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"type":"message",` + testMembers + `}`))
	f.Add([]byte(`{"type":"gap",` + testGapMembers + `}`))
	f.Add([]byte(`{"type":"ok","ref":5,"messages":[{` + testMembers + `}],"gaps":[{` + testGapMembers + `}],"members":[{}],"cursor":"a"}`))
	f.Add([]byte(`{"type":"close","code":1012,"reason":"restart","retry":1500}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := ParseEvent(text)
		if err == nil && (e.Type == "" || e.Type == EventMessage && e.Message == nil || e.Type == EventGap && e.Gap == nil) {
			t.Fatalf("%s: %+v", text, e)
		}
		if err != nil || e.Message == nil {
			return
		}
		again, err := ParseEvent(AppendMessageEvent(nil, e.Message))
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		// The wire has milliseconds.
		e.Message.Time = e.Message.Time.Truncate(time.Millisecond)
		if diff := cmp.Diff(e.Message, again.Message, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("written again (-want +got):\n%s", diff)
		}
	})
}

// TestReceipt is the answer to a publication by HTTP.
func TestReceipt(t *testing.T) {
	want := `{"id":"018f3c5e-9b1a-7c3d-8e4f-0123456789ab","channel":"` + string(testMessage().Channel) + `","pos":"` + posText + `","duplicate":true}`
	if got := string(AppendReceipt(nil, pubsub.Receipt{Message: testMessage(), Duplicate: true})); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
