package load

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// ErrRemote refuses a server on another machine.
var ErrRemote = errors.New("the server is not on this machine, and a load test disturbs whoever shares it: run it only against servers of your own, and say so with --remote")

// A target is the server, and how it is reached.
type target struct {
	url    *url.URL
	addr   string
	tls    *tls.Config // nil: plain
	dialer net.Dialer
}

// dialTimeout bounds connecting, up to the first answer of the server.
const dialTimeout = 30 * time.Second

func newTarget(raw string, remote bool) (*target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return nil, err
	}
	port := u.Port()
	t := &target{url: u}
	switch {
	case u.Hostname() == "":
		return nil, fmt.Errorf("%s: not the URL of a server, such as %s", raw, DefaultURL)
	case u.Scheme == "http":
		fill(&port, "80")
	case u.Scheme == "https":
		fill(&port, "443")
		t.tls = &tls.Config{ServerName: u.Hostname(), NextProtos: []string{"http/1.1"}}
	default:
		return nil, fmt.Errorf("%s: neither http nor https", raw)
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	t.addr = net.JoinHostPort(u.Hostname(), port)
	t.dialer.Timeout = dialTimeout
	if !remote {
		// Here the address is known that a name stands for, whoever resolved it.
		t.dialer.Control = func(_, addr string, _ syscall.RawConn) error {
			if ap, err := netip.ParseAddrPort(addr); err != nil || !ap.Addr().Unmap().IsLoopback() {
				return ErrRemote
			}
			return nil
		}
	}
	return t, nil
}

// dialTCP opens a connection without TLS. Proxies are not asked: what is measured is the server.
func (t *target) dialTCP(ctx context.Context, _, _ string) (net.Conn, error) {
	conn, err := t.dialer.DialContext(ctx, "tcp", t.addr)
	if errors.Is(err, ErrRemote) {
		return nil, fmt.Errorf("%s: %w", t.addr, ErrRemote)
	}
	return conn, err
}

// dial opens a connection that HTTP can be spoken over.
func (t *target) dial(ctx context.Context) (net.Conn, error) {
	conn, err := t.dialTCP(ctx, "", "")
	if err != nil || t.tls == nil {
		return conn, err
	}
	secure := tls.Client(conn, t.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// head returns the beginning of a request, up to where more headers may stand.
func (t *target) head(method, path, bearer string) string {
	head := method + " " + t.url.EscapedPath() + path + " HTTP/1.1\r\nHost: " + t.url.Host + "\r\n"
	if bearer != "" {
		head += "Authorization: Bearer " + bearer + "\r\n"
	}
	return head
}
