package wire

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wsbridge/wsbridge/pubsub"
)

func jsonData(s string) pubsub.Data { return pubsub.Data{Kind: pubsub.JSON, Bytes: []byte(s)} }

func TestParseCommand(t *testing.T) {
	const pos = "k3Jx9Qa0-8-5d0e91c4"
	for _, tt := range []struct {
		text string
		want Command
	}{
		{`{"type":"connect","ref":1,"token":"t","channels":["a","b","a"],"cursor":"a@` + pos + `,b"}`,
			Command{Type: Connect, Ref: "1", Token: "t", Channels: []pubsub.Channel{"a", "b"},
				Cursor: pubsub.Cursor{{Channel: "a", Start: pubsub.Behind(testPos)}, {Channel: "b"}}}},
		{`{"type":"connect","channels":"a,b","client":"c-7","cursor":null}`,
			Command{Type: Connect, Channels: []pubsub.Channel{"a", "b"}, Client: "c-7"}},
		{`{"type":"connect","channels":[],"cursor":""}`, Command{Type: Connect}},
		{`{"ref":-1.50e3,"type":"subscribe","channel":"orders:42","since":"` + pos + `","streams":true}`,
			Command{Type: Subscribe, Ref: "-1.50e3", Channel: "orders:42", Since: pubsub.Behind(testPos), Streams: true}},
		{`{"type":"subscribe","ref":2,"channel":"a","since":"0"}`,
			Command{Type: Subscribe, Ref: "2", Channel: "a", Since: pubsub.Behind(pubsub.Position{})}},
		{`{"type":"subscribe","ref":2,"channel":"a","since":null,"streams":null}`, Command{Type: Subscribe, Ref: "2", Channel: "a"}},
		{`{"type":"unsubscribe","ref":3,"channel":"a","future":[{"field":1}]}`, Command{Type: Unsubscribe, Ref: "3", Channel: "a"}},
		{"{\"type\":\"publish\",\"ref\":4,\"channel\":\"a\",\"event\":\"said\",\"data\": { \"n\" :\n 9007199254740993 },\"idempotency_key\":\"k\",\"meta\":{\"x\":\"\\u00e9\"}}",
			Command{Type: Publish, Ref: "4", Channel: "a", Event: "said", Data: jsonData(`{"n":9007199254740993}`), Key: "k", Meta: map[string]string{"x": "é"}}},
		{`{"type":"publish","channel":"a","data":null}`, Command{Type: Publish, Channel: "a", Data: jsonData("null")}},
		{`{"type":"publish","channel":"a","data_base64":"/wA="}`,
			Command{Type: Publish, Channel: "a", Data: pubsub.Data{Kind: pubsub.Binary, Bytes: []byte{0xff, 0}}}},
		{`{"type":"publish","channel":"a","data_base64":""}`,
			Command{Type: Publish, Channel: "a", Data: pubsub.Data{Kind: pubsub.Binary, Bytes: []byte{}}}},
		{`{"type":"history","ref":5,"channel":"a","limit":50}`, Command{Type: History, Ref: "5", Channel: "a", Limit: 50}},
		{`{"type":"history","channel":"a","before":"` + pos + `"}`, Command{Type: History, Channel: "a", Before: pubsub.Behind(testPos)}},
		{`{"type":"history","channel":"a","limit":99999999999999999999}`, Command{Type: History, Channel: "a", Limit: MaxLimit}},
		{`{"type":"presence","ref":6,"channel":"a"}`, Command{Type: Presence, Ref: "6", Channel: "a"}},
		{`{"type":"rpc","ref":7,"method":"sum","data":[1, 2]}`, Command{Type: RPC, Ref: "7", Method: "sum", Data: jsonData("[1,2]")}},
		{`{"type":"refresh","ref":8,"token":"t"}`, Command{Type: Refresh, Ref: "8", Token: "t"}},
		{`{"t\u0079pe":"refre\u0073h","token":"t","Type":"other"}`, Command{Type: Refresh, Token: "t"}},
		{`{"type":"history","type":"presence","channel":"b","channel":"a"}`, Command{Type: Presence, Channel: "a"}},
	} {
		if tt.want.Limit == 0 {
			tt.want.Limit = DefaultLimit
		}
		got, err := ParseCommand([]byte(tt.text))
		if err != nil {
			t.Errorf("%s: %v", tt.text, err)
		} else if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.text, diff)
		}
	}
}

func TestParseCommandRefuses(t *testing.T) {
	deep := strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1)
	many := strings.Repeat("a,", MaxChannels) + "b"
	meta := `"m0":"x"`
	for i := 1; i <= pubsub.MaxMetaEntries; i++ {
		meta += fmt.Sprintf(`,"m%d":"x"`, i)
	}
	for _, tt := range []struct{ text, code, detail string }{
		{``, CodeBadJSON, "it ends where a value is expected"},
		{`{"type":"history","channel":"a","since":"0","before":"AAAAAAAA-7-00000000"}`, CodeBadRequest, "exclude each other"},
		{`{"type":"history","channel":"a","before":"0"}`, CodeBadPosition, "in front of 0"},
		{`{"type":"history"`, CodeBadJSON, "a comma or } is expected"},
		{`{"type":"history"} x`, CodeBadJSON, "something follows"},
		{"{\"type\":\"\xff\"}", CodeBadJSON, "not UTF-8"},
		{`{"type":"publish","ref":9,"channel":"a","data":` + deep + `}`, CodeBadJSON, "nest too deep"},
		{`[]`, CodeBadRequest, "a JSON object is expected"},
		{`"x"`, CodeBadRequest, "a JSON object is expected"},
		{`{}`, CodeBadRequest, "type is missing"},
		{`{"ref":9}`, CodeBadRequest, "type is missing"},
		{`{"type":null,"ref":9}`, CodeBadRequest, "type is missing"},
		{`{"type":7,"ref":9}`, CodeBadRequest, "type must be a string, not a number"},
		{`{"type":"dance","ref":9,"channel":7}`, CodeUnknownCommand, `there is no command "dance"`},
		{`{"type":"Publish","ref":9}`, CodeUnknownCommand, `"Publish"`},
		{`{"type":"history","ref":"9","channel":"a"}`, CodeBadRequest, "ref must be a number, not a string"},
		{`{"type":"history","ref":` + strings.Repeat("1", MaxRef+1) + `,"channel":"a"}`, CodeBadRequest, "ref has 33 characters, at most 32"},
		{`{"type":"subscribe","ref":9}`, CodeBadRequest, "channel is missing"},
		{`{"type":"subscribe","channel":null,"ref":9}`, CodeBadRequest, "channel is missing"},
		{`{"type":"subscribe","channel":"","ref":9}`, CodeBadChannel, "it is empty"},
		{`{"type":"subscribe","channel":"a b","ref":9}`, CodeBadChannel, "channel: bad channel name: byte 2"},
		{`{"type":"subscribe","channel":["a"],"ref":9}`, CodeBadRequest, "channel must be a string, not a list"},
		{`{"type":"subscribe","channel":"a","since":"7","ref":9}`, CodeBadPosition, "since: bad position"},
		{`{"type":"subscribe","channel":"a","since":"","ref":9}`, CodeBadPosition, "since: bad position"},
		{`{"type":"subscribe","channel":"a","since":0,"ref":9}`, CodeBadRequest, "since must be a string, not a number"},
		{`{"type":"subscribe","channel":"a","streams":1,"ref":9}`, CodeBadRequest, "streams must be true or false, not a number"},
		{`{"type":"history","channel":"a","limit":0,"ref":9}`, CodeBadRequest, "limit must be a whole number, 1 or more"},
		{`{"type":"history","channel":"a","limit":-1,"ref":9}`, CodeBadRequest, "limit must be"},
		{`{"type":"history","channel":"a","limit":1.5,"ref":9}`, CodeBadRequest, "limit must be"},
		{`{"type":"history","channel":"a","limit":"5","ref":9}`, CodeBadRequest, "limit must be"},
		{`{"type":"publish","ref":9,"event":"x"}`, CodeBadRequest, "channel is missing"},
		{`{"type":"publish","ref":9,"channel":"a","data":1,"data_base64":""}`, CodeBadRequest, "exclude each other"},
		{`{"type":"publish","ref":9,"channel":"a","data_base64":"/wA"}`, CodeBadRequest, "data_base64 is not standard base64"},
		{`{"type":"publish","ref":9,"channel":"a","data_base64":{}}`, CodeBadRequest, "data_base64 must be a string, not an object"},
		{`{"type":"publish","ref":9,"channel":"a","event":true}`, CodeBadRequest, "event must be a string, not a boolean"},
		{`{"type":"publish","ref":9,"channel":"a","idempotency_key":""}`, CodeBadRequest, "idempotency_key: "},
		{`{"type":"publish","ref":9,"channel":"a","idempotency_key":"a b"}`, CodeBadRequest, "idempotency_key: "},
		{`{"type":"publish","ref":9,"channel":"a","meta":[]}`, CodeBadRequest, "meta must be an object of strings, not a list"},
		{`{"type":"publish","ref":9,"channel":"a","meta":{"x":1}}`, CodeBadRequest, "each of meta must be a string"},
		{`{"type":"publish","ref":9,"channel":"a","meta":{` + meta + `}}`, CodeBadMessage, "meta has more than 16 entries"},
		{`{"type":"rpc","ref":9,"data":1}`, CodeBadRequest, "method is missing"},
		{`{"type":"rpc","ref":9,"method":"m","data_base64":""}`, CodeBadRequest, "the data of rpc is JSON"},
		{`{"type":"refresh","ref":9}`, CodeBadRequest, "token is missing"},
		{`{"type":"connect","ref":9,"channels":{}}`, CodeBadRequest, "channels must be a list or a string, not an object"},
		{`{"type":"connect","ref":9,"channels":["a",1]}`, CodeBadRequest, "each of channels must be a string, not a number"},
		{`{"type":"connect","ref":9,"channels":"a,,b"}`, CodeBadChannel, "it is empty"},
		{`{"type":"connect","ref":9,"channels":"` + many + `"}`, CodeTooManyChannels, "channels has more than 1000 channels"},
		{`{"type":"connect","ref":9,"channels":["` + strings.ReplaceAll(many, ",", `","`) + `"]}`, CodeTooManyChannels, "more than 1000"},
		{`{"type":"connect","ref":9,"cursor":"a@x"}`, CodeBadCursor, "cursor: bad cursor"},
		{`{"type":"connect","ref":9,"client":"a b"}`, CodeBadRequest, "client must be 1 to 64 of"},
	} {
		c, err := ParseCommand([]byte(tt.text))
		if err == nil || err.Code != tt.code || !strings.Contains(err.Detail, tt.detail) {
			t.Errorf("%.80s: %v, want %s: …%s…", tt.text, err, tt.code, tt.detail)
			continue
		}
		want := Ref("")
		if strings.Contains(tt.text, `"ref":9`) {
			want = "9"
		}
		if c.Ref != want {
			t.Errorf("%.80s: ref %q, want %q", tt.text, c.Ref, want)
		}
	}
}

func frame(text, payload string) []byte {
	return append(closeHead(append([]byte{0, 0, 0, 0}, text...), 0), payload...)
}

func TestParseBinaryCommand(t *testing.T) {
	buf := frame(`{"type":"publish","ref":1,"channel":"a","event":"e"}`, "\x00\xff")
	got, err := ParseBinaryCommand(buf)
	if err != nil {
		t.Fatal(err)
	}
	clear(buf) // what was read must not alias it
	want := Command{Type: Publish, Ref: "1", Channel: "a", Event: "e", Limit: DefaultLimit,
		Data: pubsub.Data{Kind: pubsub.Binary, Bytes: []byte{0, 0xff}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got, err := ParseBinaryCommand(frame(`{"type":"publish","channel":"a"}`, "")); err != nil || got.Data.Kind != pubsub.Binary {
		t.Errorf("an empty payload: %+v, %v", got, err)
	}

	for _, tt := range []struct{ frame, code, detail string }{
		{"", CodeBadRequest, "4 bytes of length"},
		{"\x00\x00\x00", CodeBadRequest, "4 bytes of length"},
		{"\x00\x00\x00\x03{}", CodeBadRequest, "shorter than"},
		{"\xff\xff\xff\xff{}", CodeBadRequest, "shorter than"},
		{"\x00\x00\x00\x00{}", CodeBadJSON, "byte 0"},
		{string(frame(`{"type":"history","ref":9,"channel":"a"}`, "x")), CodeBadRequest, "carries a publish command, not history"},
		{string(frame(`{"type":"publish","ref":9,"channel":"a","data":1}`, "x")), CodeBadRequest, "must not stand in it as well"},
		{string(frame(`{"type":"dance","ref":9}`, "x")), CodeUnknownCommand, "dance"},
	} {
		c, err := ParseBinaryCommand([]byte(tt.frame))
		if err == nil || err.Code != tt.code || !strings.Contains(err.Detail, tt.detail) {
			t.Errorf("%q: %v, want %s: …%s…", tt.frame, err, tt.code, tt.detail)
		}
		if strings.Contains(tt.frame, `"ref":9`) && c.Ref != "9" {
			t.Errorf("%q: ref %q", tt.frame, c.Ref)
		}
	}
}

var commandSeeds = []string{
	`{"type":"connect","ref":1,"token":"t","channels":["a","b"],"cursor":"a@k3Jx9Qa0-8-5d0e91c4,b","client":"c"}`,
	`{"type":"connect","channels":"a,b"}`,
	`{"type":"subscribe","ref":2e9,"channel":"orders:42","since":"0","streams":true}`,
	`{"type":"publish","ref":4,"channel":"a","event":"\u00e9","data":{"n" : 9007199254740993},"idempotency_key":"k","meta":{"x":"y"}}`,
	`{"type":"publish","channel":"a","data_base64":"/wA="}`,
	`{"type":"history","channel":"a","limit":5,"limit":6}`,
	`{"type":"rpc","method":"m","data":null}`,
	`{"type":"refresh","token":null}`,
	`{"type":[[[[{}]]]]}`,
}

// checkCommand holds a command against what encoding/json makes of the same text, and
// writes and reads it again.
func checkCommand(t *testing.T, text []byte, c Command) {
	t.Helper()
	var ref map[string]json.RawMessage
	if err := json.Unmarshal(text, &ref); err != nil {
		t.Fatalf("taken, but %v", err)
	}
	for name, got := range map[string]string{
		"type": c.Type, "token": c.Token, "channel": string(c.Channel), "event": c.Event, "method": c.Method, "client": c.Client,
	} {
		var want string
		if v, ok := ref[name]; ok {
			if err := json.Unmarshal(v, &want); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if got != want {
			t.Fatalf("%s is %q, want %q", name, got, want)
		}
	}
	if v := string(ref["ref"]); string(c.Ref) != v && v != "null" {
		t.Fatalf("ref is %q, want %s", c.Ref, v)
	}
	again, err := ParseCommand(AppendCommand(nil, &c))
	if err != nil {
		t.Fatalf("written again: %v", err)
	}
	if diff := cmp.Diff(c, again, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("written again (-want +got):\n%s", diff)
	}
}

func FuzzCommand(f *testing.F) {
	for _, s := range commandSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseCommand(text)
		if err == nil {
			checkCommand(t, text, c)
			return
		}
		if (err.Code == CodeBadJSON) != (CheckJSON(text, MaxDepth+1) != nil) {
			t.Fatalf("%v, though JSON is %v", err, CheckJSON(text, MaxDepth+1))
		}
		if answer := AppendError(nil, c.Ref, err.Code, err.Detail, ""); CheckJSON(answer, 1) != nil {
			t.Fatalf("the answer %s is no JSON", answer)
		}
	})
}

func FuzzBinaryCommand(f *testing.F) {
	for _, s := range commandSeeds {
		f.Add(frame(s, "payload"))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseBinaryCommand(b)
		if err != nil {
			return
		}
		text, payload, _ := splitFrame(b)
		if !slices.Equal(payload, c.Data.Bytes) {
			t.Fatalf("the payload is %q, want %q", c.Data.Bytes, payload)
		}
		checkCommand(t, text, c)
		again, err := ParseBinaryCommand(AppendCommandFrame(nil, &c))
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		if diff := cmp.Diff(c, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("written again (-want +got):\n%s", diff)
		}
	})
}

func BenchmarkParseCommand(b *testing.B) {
	text := []byte(commandSeeds[3])
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseCommand(text); err != nil {
			b.Fatal(err)
		}
	}
}
