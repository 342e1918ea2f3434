package transport

import (
	"bytes"
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

const (
	aHead = "GET /v1/poll?channels=a&cursor=a%40k3Jx9Qa0-8-5d0e91c4&wait=5 HTTP/1.1\r\nHost: x"
	aPost = "POST /v1/poll HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99"
	aBody = `{"channels":["a"], "cursor" : "a@k3Jx9Qa0-8-5d0e91c4","wait":5}`
)

// What a request is without its cursor is told only of those whose cursor that is to the server.
func FuzzDissect(f *testing.F) {
	f.Add(aHead, "")
	f.Add(aPost, aBody)
	f.Add("GET /v1/poll?cursor=a%4001-8-5d0e91c4&%63ursor=b HTTP/1.1\r\nHost: x", "")
	f.Add("GET /v1/poll?x=?cursor=a@0 HTTP/1.1\r\nHost: x\r\nReferer: http://x/?cursor=7", "")
	f.Add("GET /v1/poll?channels=a HTTP/1.1\r\nHost: x\r\nReferer: http://x/?cursor=7", "")
	f.Add(aPost, `{"x":{"cursor":"a@0"},"c\u0075rsor":"b@0","channels":["a"]}`)
	f.Add(aPost, `{"client":"cursor","cursor":"a@0"}`)
	f.Fuzz(func(t *testing.T, head, body string) {
		r := newExchange(&http.Request{}).parse([]byte(head))
		if r == nil || r.URL.Path != "/v1/poll" || r.Method != http.MethodGet && (r.Method != http.MethodPost || r.URL.RawQuery != "") {
			return
		}
		before, cursor, after, ok := dissect([]byte(head), []byte(body))
		if !ok {
			return
		}
		whole := head
		request, bad := wire.ParseQuery(r.URL.Query(), maxHTTPChannels)
		if r.Method == http.MethodPost {
			whole = body
			request, bad = wire.ParseBody([]byte(body), maxHTTPChannels)
		}
		if got := string(before) + string(cursor) + string(after); got != whole {
			t.Fatalf("%q in parts is %q", whole, got)
		}
		if bad != nil {
			return
		}
		text := string(cursor)
		if r.Method == http.MethodGet {
			text, _ = url.QueryUnescape(text)
		}
		// What is no cursor is nobody's answer, and so is never gone on with.
		if read, err := pubsub.ParseCursor(text, maxHTTPChannels); err == nil && !cmp.Equal(read, request.Cursor, cmpopts.EquateEmpty()) {
			t.Errorf("the cursor of %q is %q, taken for %q", whole, request.Cursor, text)
		}
	})
}

// Requests are the same only if nothing but the cursor differs.
func TestAskedOf(t *testing.T) {
	first := askedOf([]byte(aHead), nil)
	same := bytes.Replace([]byte(aHead), []byte("-8-5d0e91c4"), []byte("-10-00000000"), 1)
	if first == (asked{}) || askedOf(same, nil) != first {
		t.Error("a cursor makes a difference")
	}
	for _, other := range []string{
		"GET /v1/poll?channels=b&cursor=a%40k3Jx9Qa0-8-5d0e91c4&wait=5 HTTP/1.1\r\nHost: x",
		"GET /v1/poll?channels=a&cursor=a%40k3Jx9Qa0-8-5d0e91c4&wait=6 HTTP/1.1\r\nHost: x",
		"GET /v1/poll?channels=a&cursor=a%40k3Jx9Qa0-8-5d0e91c4&wait=5 HTTP/1.1\r\nHost: y",
		"GET /v1/poll?channels=a&cursor=a%40k3Jx9Qa0-8-5d0e91c4&wait=5 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer z",
		"GET /v1/poll?channels=a HTTP/1.1\r\nHost: x",
	} {
		if askedOf([]byte(other), nil) == first {
			t.Errorf("%q asks for what %q does", other, aHead)
		}
	}
	posted := askedOf([]byte(aPost), []byte(aBody))
	if posted == (asked{}) || posted == askedOf([]byte(aPost+"\r\nOrigin: y"), []byte(aBody)) || posted == askedOf([]byte(aPost), []byte(aBody+" ")) {
		t.Error("a head or a body makes no difference")
	}
}
