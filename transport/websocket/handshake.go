package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
)

// Names of headers, in canonical form.
const (
	headerKey        = "Sec-Websocket-Key"
	headerAccept     = "Sec-Websocket-Accept"
	headerVersion    = "Sec-Websocket-Version"
	headerProtocol   = "Sec-Websocket-Protocol"
	headerExtensions = "Sec-Websocket-Extensions"

	version = "13"
)

// acceptKey answers the key of a client (RFC 6455, section 4.2.2, item 5.4).
func acceptKey(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// validKey reports whether key is base64 of 16 bytes (RFC 6455, section 4.2.1, item 5).
func validKey(key string) bool {
	if len(key) != 24 {
		return false
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(key)
	return err == nil && len(raw) == 16
}

// Why a handshake is refused, as [HandshakeError] gives it. They are stable.
const (
	CodeMethod      = "method_not_allowed" // 405
	CodeUpgrade     = "upgrade_required"   // 426: no WebSocket handshake, or another version of it
	CodeHandshake   = "bad_handshake"      // 400: a header is missing, repeated or malformed
	CodeOrigin      = "origin"             // 403
	CodeSubprotocol = "subprotocol"        // 400: the client offers none that is known here
	CodeHijack      = "not_hijackable"     // 500: the connection cannot be taken over
)

// HandshakeError says why a server refuses a handshake and how to answer it.
type HandshakeError struct {
	Status int         // HTTP status
	Header http.Header // what the answer must carry, like Allow or Sec-WebSocket-Version; may be nil
	Code   string      // one of the Code constants
	Reason string      // a fixed English sentence part, free of the client's data
}

func (e *HandshakeError) Error() string {
	return fmt.Sprintf("websocket: handshake refused: %s (%d %s)", e.Reason, e.Status, e.Code)
}

// write answers with plain text.
func (e *HandshakeError) write(w http.ResponseWriter) {
	e.SetHeader(w.Header())
	http.Error(w, e.Reason, e.Status)
}

// SetHeader puts what the answer must carry into h. An AcceptOptions.Refuse calls it before it writes the status.
func (e *HandshakeError) SetHeader(h http.Header) {
	for name, values := range e.Header {
		h[name] = values
	}
}

// Handshake is the outcome of checking a client's request: all that the 101 answer and the [Conn] need.
type Handshake struct {
	Accept      string         // Sec-WebSocket-Accept
	Subprotocol string         // chosen; empty: none
	Deflate     *DeflateParams // agreed; nil: no compression
}

// CheckHandshake checks the opening handshake of a client (RFC 6455, section 4.2.1) and chooses subprotocol and
// compression. It looks at nothing but method, version, host and header of r. The error is a [*HandshakeError].
func CheckHandshake(r *http.Request, o *AcceptOptions) (*Handshake, error) {
	if o == nil {
		o = &AcceptOptions{}
	}
	if r.Method != http.MethodGet {
		return nil, refuse(http.StatusMethodNotAllowed, CodeMethod, "a WebSocket handshake is a GET", "Allow", http.MethodGet)
	}
	if err := checkUpgrade(r); err != nil {
		return nil, err
	}
	bad := func(reason string) error { return refuse(http.StatusBadRequest, CodeHandshake, reason) }
	if r.Host == "" {
		return nil, bad("Host is missing")
	}
	if r.ContentLength != 0 {
		return nil, bad("a handshake has no body")
	}
	key := r.Header[headerKey]
	if len(key) != 1 || !validKey(key[0]) {
		return nil, bad("Sec-WebSocket-Key is not base64 of 16 bytes, given once")
	}
	offered, ok := tokens(r.Header, headerProtocol)
	if !ok {
		return nil, bad("malformed Sec-WebSocket-Protocol")
	}
	// RFC 6455, section 9.1: what does not follow the grammar fails the connection; an offer that only cannot be met is
	// declined instead.
	offers, ok := extensions(r.Header)
	if !ok {
		return nil, bad("malformed Sec-WebSocket-Extensions")
	}
	if !o.allows(r) {
		return nil, refuse(http.StatusForbidden, CodeOrigin, "origin not allowed")
	}
	chosen := chooseSubprotocol(o.Subprotocols, offered)
	if chosen == "" && len(offered) > 0 && o.RequireSubprotocol {
		return nil, refuse(http.StatusBadRequest, CodeSubprotocol, "none of the offered subprotocols is known")
	}
	return &Handshake{
		Accept:      acceptKey(key[0]),
		Subprotocol: chosen,
		Deflate:     acceptDeflate(offers, o.Deflate),
	}, nil
}

// checkUpgrade checks that r wants to become a WebSocket of the version spoken here.
func checkUpgrade(r *http.Request) error {
	reason := ""
	switch {
	case !r.ProtoAtLeast(1, 1):
		reason = "a WebSocket handshake needs HTTP/1.1"
	case r.ProtoMajor != 1:
		reason = "a WebSocket handshake needs HTTP/1.1, not a newer version"
	case !hasToken(r.Header, "Connection", "upgrade"), !hasToken(r.Header, "Upgrade", "websocket"):
		reason = "this resource speaks WebSocket only"
	case len(r.Header[headerVersion]) != 1 || r.Header[headerVersion][0] != version:
		reason = "Sec-WebSocket-Version is not 13"
	default:
		return nil
	}
	e := refuse(http.StatusUpgradeRequired, CodeUpgrade, reason, headerVersion, version)
	// RFC 9113, section 8.2.2: HTTP/2 knows neither.
	if r.ProtoMajor == 1 {
		e.Header["Upgrade"] = []string{"websocket"}
		e.Header["Connection"] = []string{"Upgrade"}
	}
	return e
}

// refuse makes a HandshakeError; header is name, value, ….
func refuse(status int, code, reason string, header ...string) *HandshakeError {
	e := &HandshakeError{Status: status, Code: code, Reason: reason}
	if len(header) > 0 {
		e.Header = make(http.Header)
	}
	for i := 0; i < len(header); i += 2 {
		e.Header[header[i]] = []string{header[i+1]}
	}
	return e
}

// AppendResponse appends the 101 answer (RFC 6455, section 4.2.2) with extra header lines. Extra lines that belong to the
// handshake or describe a body are left out.
func (h *Handshake) AppendResponse(dst []byte, extra ...http.Header) []byte {
	dst = append(dst, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "...)
	dst = append(append(dst, h.Accept...), "\r\n"...)
	if h.Subprotocol != "" {
		dst = append(append(append(dst, "Sec-WebSocket-Protocol: "...), h.Subprotocol...), "\r\n"...)
	}
	if h.Deflate != nil {
		dst = append(append(append(dst, "Sec-WebSocket-Extensions: "...), h.Deflate.response()...), "\r\n"...)
	}
	for _, header := range extra {
		for name, values := range header {
			if !isToken(name) || reservedHeader(name) {
				continue
			}
			for _, value := range values {
				dst = append(append(append(dst, name...), ": "...), headerLine.Replace(value)...)
				dst = append(dst, "\r\n"...)
			}
		}
	}
	return append(dst, "\r\n"...)
}

// headerLine keeps a value on its line.
var headerLine = strings.NewReplacer("\r", " ", "\n", " ")

func reservedHeader(name string) bool {
	name = http.CanonicalHeaderKey(name)
	switch name {
	case "Upgrade", "Connection", "Content-Length", "Content-Type", "Transfer-Encoding", "Trailer":
		return true
	}
	return strings.HasPrefix(name, "Sec-Websocket-")
}
