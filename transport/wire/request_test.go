package wire

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wsbridge/wsbridge/pubsub"
)

const posText = "k3Jx9Qa0-8-5d0e91c4"

func TestParseRequest(t *testing.T) {
	cursor := pubsub.Cursor{{Channel: "a", Start: pubsub.Behind(testPos)}, {Channel: "b"}}
	for _, tt := range []struct {
		query, body string
		want        Request
	}{
		{"", `{}`, Request{Wait: DefaultWait, Limit: DefaultLimit}},
		{"", `{"channels":null,"cursor":null,"wait":null,"limit":null,"token":null,"client":null}`, Request{Wait: DefaultWait, Limit: DefaultLimit}},
		{"channels=a,b&cursor=a@" + posText + ",b&token=t&client=c-7&wait=0&limit=7",
			`{"channels":"a,b","cursor":"a@` + posText + `,b","token":"t","client":"c-7","wait":0,"limit":7}`,
			Request{Token: "t", Client: "c-7", Channels: []pubsub.Channel{"a", "b"}, Cursor: cursor, Limit: 7}},
		{"channels=a&channels=b", `{"channels":["a","b"]}`,
			Request{Channels: []pubsub.Channel{"a", "b"}, Wait: DefaultWait, Limit: DefaultLimit}},
		{"wait=56&limit=1001", `{"wait":56,"limit":1001}`, Request{Wait: MaxWait, Limit: MaxLimit}},
		{"wait=1e400&limit=99999999999999999999", `{"wait":1e400,"limit":99999999999999999999}`, Request{Wait: MaxWait, Limit: MaxLimit}},
		{"wait=0.25", `{"wait":0.25,"more":"ignored"}`, Request{Wait: 250 * time.Millisecond, Limit: DefaultLimit}},
	} {
		q, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		got, cerr := ParseQuery(q, 100)
		if cerr != nil {
			t.Errorf("%s: %v", tt.query, cerr)
		} else if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.query, diff)
		}
		got, cerr = ParseBody([]byte(tt.body), 100)
		if cerr != nil {
			t.Errorf("%s: %v", tt.body, cerr)
		} else if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.body, diff)
		}
		got, cerr = ParseBody(AppendRequest(nil, &tt.want), 100)
		if cerr != nil {
			t.Errorf("%s written: %v", tt.body, cerr)
		} else if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s written (-want +got):\n%s", tt.body, diff)
		}
	}
}

func TestParseRequestRefuses(t *testing.T) {
	for _, tt := range []struct{ query, body, code, detail string }{
		{"", `[]`, CodeBadRequest, "a JSON object is expected"},
		{"", `{"wait":1`, CodeBadJSON, "byte 9"},
		{"wait=-1", `{"wait":-1}`, CodeBadRequest, "wait must be a number of seconds"},
		{"wait=NaN", `{"wait":"1"}`, CodeBadRequest, "wait must be a number of seconds"},
		{"limit=0", `{"limit":0}`, CodeBadRequest, "limit must be a whole number"},
		{"limit=x", `{"limit":true}`, CodeBadRequest, "limit must be a whole number"},
		{"client=%C3%A9", `{"client":"é"}`, CodeBadRequest, "client must be"},
		{"client=" + strings.Repeat("c", MaxClient+1), `{"client":"` + strings.Repeat("c", MaxClient+1) + `"}`, CodeBadRequest, "client must be"},
		{"channels=a,b,c,d", `{"channels":["a","b","c","d"]}`, CodeTooManyChannels, "more than 3"},
		{"channels=:a", `{"channels":[":a"]}`, CodeBadChannel, "begins with a colon"},
		{"cursor=a@1", `{"cursor":"a@1"}`, CodeBadCursor, "cursor: "},
		{"cursor=a,b,c,d", `{"cursor":"a,b,c,d"}`, CodeBadCursor, "4 channels"},
		{"", `{"token":{}}`, CodeBadRequest, "token must be a string, not an object"},
	} {
		if q, _ := url.ParseQuery(tt.query); tt.query != "" {
			if _, err := ParseQuery(q, 3); err == nil || err.Code != tt.code || !strings.Contains(err.Detail, tt.detail) {
				t.Errorf("%s: %v, want %s: …%s…", tt.query, err, tt.code, tt.detail)
			}
		}
		if _, err := ParseBody([]byte(tt.body), 3); err == nil || err.Code != tt.code || !strings.Contains(err.Detail, tt.detail) {
			t.Errorf("%s: %v, want %s: …%s…", tt.body, err, tt.code, tt.detail)
		}
	}
}

func TestMarks(t *testing.T) {
	cursor := pubsub.Cursor{{Channel: "a", Start: pubsub.Behind(testPos)}, {Channel: "b"}}
	for _, tt := range []struct {
		channels []pubsub.Channel
		cursor   pubsub.Cursor
		token    []pubsub.Channel
		want     string
	}{
		{nil, nil, nil, ""},
		{nil, nil, []pubsub.Channel{"t"}, "t"},
		{nil, cursor, []pubsub.Channel{"t"}, "a@" + posText + ",b"},
		{[]pubsub.Channel{"c", "a"}, cursor, []pubsub.Channel{"t"}, "c,a@" + posText},
	} {
		if got := Marks(tt.channels, tt.cursor, tt.token).String(); got != tt.want {
			t.Errorf("%v %v %v: %s, want %s", tt.channels, tt.cursor, tt.token, got, tt.want)
		}
	}
}

func TestAdvance(t *testing.T) {
	r := Request{Cursor: pubsub.Cursor{{Channel: "a", Start: pubsub.Behind(pubsub.Position{})}, {Channel: "b"}}}
	r.Advance(pubsub.Cursor{{Channel: "a", Start: pubsub.Behind(testPos)}, {Channel: "b"}, {Channel: "c", Start: pubsub.Behind(testPos)}})
	if got, want := r.Cursor.String(), "a@"+posText+",b,c@"+posText; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"channels":"a,b","cursor":"a@` + posText + `,b","token":"t","client":"c-7","wait":0.5,"limit":7}`))
	f.Add([]byte(`{"channels":["a","b"],"wait":1e9,"limit":1000000}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseBody(text, 10)
		if err != nil {
			return
		}
		if r.Wait < 0 || r.Wait > MaxWait || r.Limit < 1 || r.Limit > MaxLimit || len(r.Channels) > 10 || len(r.Cursor) > 10 {
			t.Fatalf("out of bounds: %+v", r)
		}
		again, err := ParseBody(AppendRequest(nil, &r), 10)
		if err != nil {
			t.Fatalf("written again: %v", err)
		}
		if diff := cmp.Diff(r, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("written again (-want +got):\n%s", diff)
		}
	})
}
