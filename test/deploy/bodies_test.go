package deploy

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/test/deploy/balancer"
	"github.com/wsbridge/wsbridge/test/testserver"
)

// TestLargeBodies: what the server takes passes, and what it does not take it refuses itself,
// in a way that clients read.
func TestLargeBodies(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		server := testserver.Start(t)
		b := balancer.Start(t, kind, []string{server.Addr})
		message := strings.Repeat("x", 256<<10)
		batch := func(size int) string {
			item := fmt.Sprintf(`{"channel":"a","data":%q},`, strings.Repeat("x", 200<<10))
			items := strings.Repeat(item, size/len(item))
			return `{"messages":[` + strings.TrimSuffix(items, ",") + `]}`
		}
		for _, test := range []struct {
			name, path, contentType, body string
			status                        int
			code                          string
		}{
			{"the largest message", "/v1/channels/a/messages", "application/octet-stream", message, http.StatusCreated, ""},
			{"a message above it", "/v1/channels/a/messages", "application/octet-stream", message + "x", http.StatusRequestEntityTooLarge, "too_large"},
			{"a far larger message", "/v1/channels/a/messages", "application/octet-stream", strings.Repeat(message, 8), http.StatusRequestEntityTooLarge, "too_large"},
			{"a batch of nearly 16 MiB", "/v1/messages", "application/json", batch(16 << 20), http.StatusOK, ""},
			{"a batch of 20 MiB", "/v1/messages", "application/json", batch(20 << 20), http.StatusRequestEntityTooLarge, "too_large"},
		} {
			t.Run(test.name, func(t *testing.T) {
				// nginx closes a connection on which it has not read all of a refused body, and may
				// have said that it would keep it.
				a := ask(t, b.URL(test.path), test.body, "Content-Type", test.contentType, "Connection", "close")
				if a.status != test.status || a.code() != test.code {
					t.Errorf("%d %.300s", a.status, a.body)
				}
			})
		}
	})
}

// TestLargeHeaders: a hundred channels with names of 200 bytes, in the query twice, and the
// largest token beside them.
func TestLargeHeaders(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		server := testserver.Start(t)
		b := balancer.Start(t, kind, []string{server.Addr})
		var names, cursor []string
		for i := range 100 {
			name := fmt.Sprintf("%0200d", i)
			names = append(names, name)
			cursor = append(cursor, name+"@0")
		}
		query := url.Values{"channels": {strings.Join(names, ",")}, "cursor": {strings.Join(cursor, ",")}, "wait": {"0"}}
		link := b.URL("/v1/poll?" + strings.ReplaceAll(query.Encode(), "%2C", ","))
		if len(link) < 40_000 {
			t.Fatalf("%d bytes are no test", len(link))
		}
		a := ask(t, link, "", "X-Large", strings.Repeat("x", 8<<10))
		if a.status != http.StatusOK || !strings.Contains(a.body, names[99]) {
			t.Errorf("%d %.300s", a.status, a.body)
		}
	})
}

// TestMetaHeaders: names that are legal and rare reach the server too.
func TestMetaHeaders(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		server := testserver.Start(t)
		b := balancer.Start(t, kind, []string{server.Addr})
		a := ask(t, b.URL("/v1/channels/a/messages"), "1", "Content-Type", "application/json",
			"Wsbridge-Meta-Trace_Id", "seven", "Wsbridge-Meta-A.B", "eight")
		if a.status != http.StatusCreated {
			t.Fatalf("%d %s", a.status, a.body)
		}
		for _, want := range []string{`"trace_id":"seven"`, `"a.b":"eight"`} {
			if a := ask(t, b.URL("/v1/channels/a/messages"), ""); !strings.Contains(a.body, want) {
				t.Errorf("no %s in %s", want, a.body)
			}
		}
	})
}
