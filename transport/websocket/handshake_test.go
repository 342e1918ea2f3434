package websocket

import (
	"bufio"
	"bytes"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// upgrade is the request of RFC 6455, section 1.3; lines are put in place of those of the same name, or taken out when empty.
func upgrade(t testing.TB, request string, lines ...string) *http.Request {
	t.Helper()
	header := map[string]string{
		"Host": "server.example.com", "Upgrade": "websocket", "Connection": "Upgrade",
		"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13",
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		header[name] = value
	}
	var b strings.Builder
	b.WriteString(request + "\r\n")
	for name, values := range header {
		if values == "" {
			continue
		}
		for value := range strings.SplitSeq(values, "|") {
			b.WriteString(name + ": " + value + "\r\n")
		}
	}
	b.WriteString("\r\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(b.String())))
	if err != nil {
		t.Fatalf("%s: %v", b.String(), err)
	}
	return r
}

const get = "GET /chat HTTP/1.1"

func TestCheckHandshakeRefuses(t *testing.T) {
	upgradeHeader := http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}, headerVersion: {"13"}}
	for _, c := range []struct {
		name    string
		request string
		lines   []string
		status  int
		code    string
		header  http.Header
	}{
		{"POST", "POST /chat HTTP/1.1", nil, 405, CodeMethod, http.Header{"Allow": {"GET"}}},
		{"HEAD", "HEAD /chat HTTP/1.1", nil, 405, CodeMethod, http.Header{"Allow": {"GET"}}},
		{"HTTP/1.0", "GET /chat HTTP/1.0", nil, 426, CodeUpgrade, upgradeHeader},
		{"no Upgrade", get, []string{"Upgrade"}, 426, CodeUpgrade, upgradeHeader},
		{"other Upgrade", get, []string{"Upgrade: h2c"}, 426, CodeUpgrade, upgradeHeader},
		{"no Connection", get, []string{"Connection"}, 426, CodeUpgrade, upgradeHeader},
		{"other Connection", get, []string{"Connection: keep-alive"}, 426, CodeUpgrade, upgradeHeader},
		{"no version", get, []string{"Sec-WebSocket-Version"}, 426, CodeUpgrade, upgradeHeader},
		{"version 8", get, []string{"Sec-WebSocket-Version: 8"}, 426, CodeUpgrade, upgradeHeader},
		{"two versions", get, []string{"Sec-WebSocket-Version: 13|8"}, 426, CodeUpgrade, upgradeHeader},
		{"no Host", get, []string{"Host"}, 400, CodeHandshake, nil},
		{"body", get, []string{"Content-Length: 3"}, 400, CodeHandshake, nil},
		{"chunked body", get, []string{"Transfer-Encoding: chunked"}, 400, CodeHandshake, nil},
		{"no key", get, []string{"Sec-WebSocket-Key"}, 400, CodeHandshake, nil},
		{"key of 15 bytes", get, []string{"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAA"}, 400, CodeHandshake, nil},
		{"key not base64", get, []string{"Sec-WebSocket-Key: ********************=="}, 400, CodeHandshake, nil},
		{"key with stray bits", get, []string{"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR=="}, 400, CodeHandshake, nil},
		{"two keys", get, []string{"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==|dGhlIHNhbXBsZSBub25jZQ=="}, 400, CodeHandshake, nil},
		{"malformed subprotocol", get, []string{"Sec-WebSocket-Protocol: a b"}, 400, CodeHandshake, nil},
		{"malformed extension", get, []string{"Sec-WebSocket-Extensions: permessage-deflate;"}, 400, CodeHandshake, nil},
		{"foreign origin", get, []string{"Origin: https://evil.example.com"}, 403, CodeOrigin, nil},
		{"unknown subprotocol", get, []string{"Sec-WebSocket-Protocol: unknown"}, 400, CodeSubprotocol, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			h, err := CheckHandshake(upgrade(t, c.request, c.lines...), &AcceptOptions{Subprotocols: []string{"v1"}, RequireSubprotocol: true})
			var refused *HandshakeError
			if !errors.As(err, &refused) {
				t.Fatalf("accepted: %+v, %v", h, err)
			}
			if refused.Status != c.status || refused.Code != c.code || refused.Reason == "" || !strings.Contains(refused.Error(), refused.Reason) {
				t.Errorf("%+v", refused)
			}
			if diff := cmp.Diff(c.header, refused.Header); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckHandshakeHTTP2(t *testing.T) {
	r := upgrade(t, get)
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
	_, err := CheckHandshake(r, nil)
	var refused *HandshakeError
	if !errors.As(err, &refused) || refused.Status != 426 || refused.Header.Get("Connection") != "" || refused.Header.Get("Upgrade") != "" {
		t.Fatal(err, refused)
	}
}

func TestCheckHandshakeAccepts(t *testing.T) {
	o := &AcceptOptions{Subprotocols: []string{"v2", "v1"}, RequireSubprotocol: true, Deflate: &DeflateOptions{}}
	for _, c := range []struct {
		name  string
		lines []string
		want  Handshake
	}{
		{"plain", nil, Handshake{}},
		{"tokens in lists and any case", []string{"Connection: keep-alive, UPGRADE", "Upgrade: h2c, WebSocket"}, Handshake{}},
		{"tokens on several lines", []string{"Connection: keep-alive|Upgrade"}, Handshake{}},
		{"the server's choice", []string{"Sec-WebSocket-Protocol: v1, v2"}, Handshake{Subprotocol: "v2"}},
		{"one of several lines", []string{"Sec-WebSocket-Protocol: v0|v1"}, Handshake{Subprotocol: "v1"}},
		{"unknown extension", []string{"Sec-WebSocket-Extensions: bzip"}, Handshake{}},
		{"deflate", []string{"Sec-WebSocket-Extensions: permessage-deflate"}, Handshake{Deflate: &DeflateParams{true, true, 15, 15}}},
		{"own origin", []string{"Origin: https://server.example.com"}, Handshake{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
			got, err := CheckHandshake(upgrade(t, get, c.lines...), o)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAppendResponse(t *testing.T) {
	h := &Handshake{Accept: "key", Subprotocol: "v1", Deflate: &DeflateParams{true, true, 15, 15}}
	got := string(h.AppendResponse(nil,
		http.Header{"X-Request-Id": {"7"}, "Content-Type": {"text/plain"}, "Connection": {"close"}, "Sec-Websocket-Accept": {"no"}},
		http.Header{"X-Split": {"a\r\nSet-Cookie: b"}, "Bad Name": {"c"}}))
	want := "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: key\r\n" +
		"Sec-WebSocket-Protocol: v1\r\nSec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; client_no_context_takeover\r\n" +
		"X-Request-Id: 7\r\nX-Split: a  Set-Cookie: b\r\n\r\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// FuzzHandshake gives any header lines to both ends' checks: an accepted request was a WebSocket one, and the answer to it is a
// well-formed response that carries nothing but what was chosen.
func FuzzHandshake(f *testing.F) {
	f.Add("Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a, b\r\nOrigin: http://x\r\n")
	f.Add("Connection: Upgrade, x\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n")
	f.Fuzz(func(t *testing.T, lines string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET / HTTP/1.1\r\nHost: x\r\n" + lines + "\r\n")))
		if err != nil {
			return
		}
		o := &AcceptOptions{Subprotocols: []string{"a", "b"}, Deflate: &DeflateOptions{}}
		h, err := CheckHandshake(r, o)
		if err != nil {
			var refused *HandshakeError
			if !errors.As(err, &refused) || refused.Status < 400 {
				t.Fatal(err)
			}
			return
		}
		if h.Subprotocol != "" && !strings.Contains(lines, h.Subprotocol) || h.Deflate != nil && !strings.Contains(strings.ToLower(lines), "permessage-deflate") {
			t.Fatalf("chose %+v for %q", h, lines)
		}
		response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(h.AppendResponse(nil, r.Header))), r)
		if err != nil || response.StatusCode != 101 || response.Header.Get("Sec-WebSocket-Accept") != acceptKey(r.Header.Get("Sec-WebSocket-Key")) {
			t.Fatalf("answer to %q: %v, %v", lines, response, err)
		}
	})
}
