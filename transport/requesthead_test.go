package transport

import (
	"bufio"
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// plainHeads are those that need not go to net/http.
var plainHeads = []string{
	"GET /v1/poll?channels=a,b%3A1&wait=50&cursor=abc_-= HTTP/1.1\r\nHost: example.com:8080\r\nOrigin: http://example.com",
	"POST /v1/channels/orders:42/messages HTTP/1.1\r\nhost: [::1]:80\r\ncontent-type: application/json\r\ncontent-length: 12\r\nauthorization: Bearer abc",
	"POST /v1/channels/a%2Fb/messages?event=x%20y HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\nWsbridge-Meta-a: 1\r\nWsbridge-Meta-A: 2\r\nX-Empty:",
	"POST /a'b(c)!*?q=\"<> HTTP/1.1\r\nHost: x\r\nX-Any: \t \xff gr\xfc\xdfe \t\r\nConnection: Close",
	"GET /v1/ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13",
	"GET //twice?? HTTP/1.1\r\nHost: x",
	"GET /x? HTTP/1.1\r\nHost: x",
	"BREW /pot HTTP/1.1\r\nHost: x",
}

// strangeHeads are those that net/http has to look at, or refuse.
var strangeHeads = []string{
	"",
	"GET / HTTP/1.1",
	"GET / HTTP/1.0\r\nHost: x",
	"GET / HTTP/1.1 \r\nHost: x",
	"GET  / HTTP/1.1\r\nHost: x",
	"GET * HTTP/1.1\r\nHost: x",
	"GET http://x/ HTTP/1.1\r\nHost: x",
	"GET /%zz HTTP/1.1\r\nHost: x",
	"GET / HTTP/1.1\nHost: x",
	"GET / HTTP/1.1\r\nHost: x\nX: y",
	"GET / HTTP/1.1\r\nHost: x\r\n folded: y",
	"GET / HTTP/1.1\r\nHost: x\r\nX : y",
	"GET / HTTP/1.1\r\nHost: x\r\nX",
	"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b",
	"GET / HTTP/1.1\r\nHost: x\r\nX: a\rb",
	"GET / HTTP/1.1\r\nHost: x\r\nHost: y",
	"GET / HTTP/1.1\r\nHost: x@y",
	"GET / HTTP/1.1\r\nHost:",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1",
	"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999",
	"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked",
	"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1",
	"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x",
	"GET / HTTP/1.1\r\nHost: x\r\nPragma: no-cache",
	"PRI * HTTP/2.0",
}

type ctxKey struct{}

func blankRequest() *http.Request {
	return (&http.Request{}).WithContext(context.WithValue(context.Background(), ctxKey{}, "of the server"))
}

// parse reads a head with an exchange that has read others.
func parse(head string) *http.Request {
	reused.clear()
	return reused.parse([]byte(head))
}

var reused = newExchange(blankRequest())

func TestParseHead(t *testing.T) {
	for _, head := range plainHeads {
		if r := parse(head); r == nil {
			t.Errorf("%q goes to net/http", head)
		} else if r.Context().Value(ctxKey{}) == nil {
			t.Errorf("%q has another context", head)
		}
		sameAsNetHTTP(t, head)
	}
	for _, head := range strangeHeads {
		if parse(head) != nil {
			t.Errorf("%q does not go to net/http", head)
		}
	}
}

// FuzzParseHead holds that a head that is taken means to net/http the same.
func FuzzParseHead(f *testing.F) {
	for _, head := range append(plainHeads, strangeHeads...) {
		f.Add([]byte(head))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		if bytes.Contains(head, headEnd) {
			return // it would have ended there
		}
		sameAsNetHTTP(t, string(head))
	})
}

func sameAsNetHTTP(t *testing.T, head string) {
	t.Helper()
	got := parse(head)
	if got == nil {
		return
	}
	want, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head + "\r\n\r\n")))
	if err != nil {
		t.Fatalf("%q is taken, and net/http says %v", head, err)
	}
	if len(want.TransferEncoding)+len(want.Trailer) > 0 {
		t.Fatalf("%q is taken, and has a body of unknown length", head)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(http.Request{}), cmpopts.IgnoreFields(http.Request{}, "Body"), cmp.Comparer(func(a, b *url.URL) bool { return *a == *b })); diff != "" {
		t.Errorf("%q (-net/http +got):\n%s", head, diff)
	}
}
