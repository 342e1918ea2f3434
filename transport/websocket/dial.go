package websocket

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// DialOptions configure the client's side. The zero value works.
type DialOptions struct {
	// Header goes onto the request. Host in it replaces that of the URL.
	Header http.Header
	// Subprotocols to offer, the preferred one first.
	Subprotocols []string
	// Deflate offers compression. Default: none.
	Deflate *DeflateOptions
	// NetDial opens the connection for ws and, with TLS put over it here, wss. Default: net.Dialer. Proxies are its business.
	NetDial func(ctx context.Context, network, addr string) (net.Conn, error)
	// TLS configures wss. Default: the system's roots and the host of the URL.
	TLS *tls.Config
	// Timeout bounds the whole handshake. Default 30 s; negative: only the context does.
	Timeout time.Duration
	// Options of the connection.
	Options
}

const (
	defaultDialTimeout = 30 * time.Second

	// maxResponseHead bounds what is read of an answer before its header must be complete, in bytes.
	maxResponseHead = 64 << 10
	// maxRefusalBody is how much of the body of a refusal is kept.
	maxRefusalBody = 4 << 10
)

// ErrBadHandshake is wrapped by the error of Dial when the server answered, but did not open a WebSocket.
var ErrBadHandshake = errors.New("websocket: bad handshake")

// Dial opens a connection to a ws or wss URL (RFC 6455, section 4.1). The context ends with the handshake: it has no hold on the
// connection afterwards. nil options are the defaults.
//
// The response is returned whenever the server sent one. Its body holds up to 4 KiB of a refusal and need not be closed.
func Dial(ctx context.Context, rawURL string, o *DialOptions) (*Conn, *http.Response, error) {
	if o == nil {
		o = &DialOptions{}
	}
	u, err := parseURL(rawURL)
	if err != nil {
		return nil, nil, err
	}
	timeout := o.Timeout
	if timeout == 0 {
		timeout = defaultDialTimeout
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	nc, err := o.connect(ctx, u)
	if err != nil {
		return nil, nil, fmt.Errorf("websocket: dial: %w", err)
	}
	// The handshake ends with the context: its reads and writes are cut short.
	cut := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		nc.SetDeadline(time.Unix(1, 0))
		close(cut)
	})
	c, response, err := o.handshake(ctx, nc, u)
	if !stop() {
		<-cut
		if err == nil {
			err = ctx.Err()
		}
	}
	if err != nil {
		nc.Close()
		if ctx.Err() != nil {
			err = fmt.Errorf("websocket: dial: %w", ctx.Err())
		}
		return nil, response, err
	}
	return c, response, nil
}

// parseURL checks a URL (RFC 6455, section 3).
func parseURL(raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	switch {
	case err != nil:
		return nil, fmt.Errorf("websocket: dial: %w", err)
	case u.Scheme != "ws" && u.Scheme != "wss":
		return nil, fmt.Errorf("websocket: dial: scheme %q is neither ws nor wss", u.Scheme)
	case u.Hostname() == "":
		return nil, errors.New("websocket: dial: URL without host")
	case u.Fragment != "":
		return nil, errors.New("websocket: dial: URL with a fragment")
	}
	return u, nil
}

// connect opens the transport.
func (o *DialOptions) connect(ctx context.Context, u *url.URL) (net.Conn, error) {
	port := u.Port()
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	dial := o.NetDial
	if dial == nil {
		dial = (&net.Dialer{}).DialContext
	}
	nc, err := dial(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil || u.Scheme == "ws" {
		return nc, err
	}
	config := &tls.Config{}
	if o.TLS != nil {
		config = o.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = u.Hostname()
	}
	config.NextProtos = []string{"http/1.1"}
	t := tls.Client(nc, config)
	if err := t.HandshakeContext(ctx); err != nil {
		nc.Close()
		return nil, err
	}
	return t, nil
}

// handshake sends the request and checks the answer.
func (o *DialOptions) handshake(ctx context.Context, nc net.Conn, u *url.URL) (*Conn, *http.Response, error) {
	request, key, err := o.request(ctx, u)
	if err != nil {
		return nil, nil, err
	}
	if err := request.Write(nc); err != nil {
		return nil, nil, fmt.Errorf("websocket: dial: %w", err)
	}
	limited := &io.LimitedReader{R: nc, N: maxResponseHead}
	br := bufio.NewReader(limited)
	response, err := http.ReadResponse(br, request)
	if err != nil {
		if limited.N == 0 {
			err = fmt.Errorf("response head above %d bytes", maxResponseHead)
		}
		return nil, nil, fmt.Errorf("websocket: dial: %w", err)
	}
	h, err := o.checkResponse(response, key)
	if err != nil {
		keepBody(response)
		return nil, response, err
	}
	response.Body = http.NoBody
	early, _ := br.Peek(br.Buffered())
	return NewConn(nc, Config{
		Side:        ClientSide,
		Subprotocol: h.Subprotocol,
		Deflate:     h.Deflate,
		Deflation:   o.Deflate,
		Early:       early,
		Options:     o.Options,
	}), response, nil
}

// keepBody reads the beginning of a refusal's body, so that it outlives the connection.
func keepBody(r *http.Response) {
	var body []byte
	if r.StatusCode != http.StatusSwitchingProtocols {
		body, _ = io.ReadAll(io.LimitReader(r.Body, maxRefusalBody))
		r.Body.Close()
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
}

// request makes the client's handshake.
func (o *DialOptions) request(ctx context.Context, u *url.URL) (r *http.Request, key string, err error) {
	target := *u
	target.Scheme = strings.Replace(u.Scheme, "ws", "http", 1)
	r, err = http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, "", fmt.Errorf("websocket: dial: %w", err)
	}
	for name, values := range o.Header {
		if name = http.CanonicalHeaderKey(name); !reservedHeader(name) {
			r.Header[name] = values
		}
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
		delete(r.Header, "Host")
	}
	if u.User != nil && r.Header.Get("Authorization") == "" {
		password, _ := u.User.Password()
		r.SetBasicAuth(u.User.Username(), password)
	}
	var nonce [16]byte
	rand.Read(nonce[:]) // never fails
	key = base64.StdEncoding.EncodeToString(nonce[:])
	r.Header["Upgrade"] = []string{"websocket"}
	r.Header["Connection"] = []string{"Upgrade"}
	r.Header[headerKey] = []string{key}
	r.Header[headerVersion] = []string{version}
	for _, name := range o.Subprotocols {
		if !isToken(name) {
			return nil, "", fmt.Errorf("websocket: dial: subprotocol %q is not a token", name)
		}
	}
	if len(o.Subprotocols) > 0 {
		r.Header[headerProtocol] = []string{strings.Join(o.Subprotocols, ", ")}
	}
	if o.Deflate != nil {
		r.Header[headerExtensions] = []string{o.Deflate.offer()}
	}
	return r, key, nil
}

// checkResponse checks the server's handshake (RFC 6455, section 4.1).
func (o *DialOptions) checkResponse(r *http.Response, key string) (*Handshake, error) {
	bad := func(reason string) error { return fmt.Errorf("%w: %s", ErrBadHandshake, reason) }
	switch {
	case r.StatusCode != http.StatusSwitchingProtocols:
		return nil, bad("status " + r.Status)
	case !hasToken(r.Header, "Upgrade", "websocket"):
		return nil, bad("no Upgrade: websocket")
	case !hasToken(r.Header, "Connection", "upgrade"):
		return nil, bad("no Connection: Upgrade")
	case !slices.Equal(r.Header[headerAccept], []string{acceptKey(key)}):
		return nil, bad("wrong Sec-WebSocket-Accept")
	}
	h := &Handshake{}
	if chosen := r.Header[headerProtocol]; len(chosen) > 0 {
		if len(chosen) > 1 || !slices.Contains(o.Subprotocols, chosen[0]) {
			return nil, bad("subprotocol that was not offered")
		}
		h.Subprotocol = chosen[0]
	}
	answer, ok := extensions(r.Header)
	if ok {
		h.Deflate, ok = confirmDeflate(answer, o.Deflate)
	}
	if !ok {
		return nil, bad("extension that was not offered, or malformed")
	}
	return h, nil
}
