package websocket

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// The conformance tests: one subtest for each public case of the Autobahn TestSuite, under its number, played by a peer
// that knows nothing of this package, over loopback TCP, against an echo server that streams.

var rfcFull = flag.Bool("rfc6455.full", false, "send as many messages in cases 12.* and 13.* as the TestSuite does, 1,000 each: longer than go test waits by default, so add -timeout 2h")

// rfcCases are how many cases each group has: 517 in all.
var rfcCases = []struct {
	group string
	n     int
}{
	{"1.1", 8}, {"1.2", 8}, {"2", 11}, {"3", 7}, {"4.1", 5}, {"4.2", 5}, {"5", 20},
	{"6.1", 3}, {"6.2", 4}, {"6.3", 2}, {"6.4", 4}, {"6.5", 5}, {"6.6", 11}, {"6.7", 4}, {"6.8", 2}, {"6.9", 4},
	{"6.10", 3}, {"6.11", 5}, {"6.12", 8}, {"6.13", 5}, {"6.14", 10}, {"6.15", 1}, {"6.16", 3}, {"6.17", 5},
	{"6.18", 5}, {"6.19", 5}, {"6.20", 7}, {"6.21", 8}, {"6.22", 34}, {"6.23", 7},
	{"7.1", 6}, {"7.3", 6}, {"7.5", 1}, {"7.7", 13}, {"7.9", 9}, {"7.13", 2},
	{"9.1", 6}, {"9.2", 6}, {"9.3", 9}, {"9.4", 9}, {"9.5", 6}, {"9.6", 6}, {"9.7", 6}, {"9.8", 6}, {"10.1", 1},
	{"12.1", 18}, {"12.2", 18}, {"12.3", 18}, {"12.4", 18}, {"12.5", 18},
	{"13.1", 18}, {"13.2", 18}, {"13.3", 18}, {"13.4", 18}, {"13.5", 18}, {"13.6", 18}, {"13.7", 18},
}

const rfcTotal = 517

// rfcRun collects which cases were run.
type rfcRun struct {
	t     *testing.T
	plain string // address of the echo server
	ran   []string
}

// play runs one case: the script talks over a connection of its own.
func (r *rfcRun) play(id string, script func(p *peer)) { r.playWith(id, "", script) }

func (r *rfcRun) playWith(id, extensions string, script func(p *peer)) {
	r.t.Run(id, func(t *testing.T) {
		r.ran = append(r.ran, id)
		p := dialPeer(t, r.plain, extensions)
		defer p.conn.Close()
		script(p)
	})
}

func TestRFC6455(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(echo))
	defer server.Close()
	r := &rfcRun{t: t, plain: server.Listener.Addr().String()}

	rfcFraming(r)
	rfcPings(r)
	rfcReserved(r)
	rfcFragments(r)
	rfcUTF8(r)
	rfcClosing(r)
	rfcVolume(r)
	rfcDeflate(r)

	var all, left []string
	for _, g := range rfcCases {
		for i := range g.n {
			id := fmt.Sprintf("%s.%d", g.group, i+1)
			all = append(all, id)
			if !slices.Contains(r.ran, id) {
				left = append(left, id)
			}
		}
	}
	if len(all) != rfcTotal {
		t.Errorf("the list has %d cases", len(all))
	}
	t.Logf("RFC 6455 and RFC 7692: %d of %d public cases ran", len(r.ran), rfcTotal)
	if !*rfcFull {
		t.Logf("cases 12.* and 13.* ran with fewer messages, %d KiB each; -rfc6455.full sends all", deflateVolume>>10)
	}
	if strings.Contains(flag.Lookup("test.run").Value.String()+flag.Lookup("test.skip").Value.String(), "/") {
		t.Logf("left out: %d cases that -run and -skip do not select", len(left))
		return
	}
	for _, id := range left {
		t.Errorf("left out: %s, it has no test", id)
	}
}

// echo sends messages back in pieces.
func echo(w http.ResponseWriter, r *http.Request) {
	o := &AcceptOptions{Deflate: &DeflateOptions{ServerContextTakeover: true, ClientContextTakeover: true}}
	o.Limits = Limits{MaxMessage: -1, MaxFragments: -1}
	c, err := Accept(w, r, o)
	if err != nil {
		return
	}
	defer c.CloseNow()
	for {
		op, message, err := c.Next(context.Background())
		if err != nil {
			return
		}
		out, err := c.Writer(op)
		if err != nil {
			return
		}
		_, err = io.Copy(out, message)
		if out.Close() != nil || err != nil {
			return
		}
	}
}
