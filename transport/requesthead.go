package transport

import (
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// parse returns the request whose head is all that stands in front of the empty line
// (RFC 9112, section 2.1), as http.ReadRequest would. It returns nil where that is no request of
// HTTP/1.1, and wherever anything about it wants a closer look, which net/http then takes: who
// reads a request differently from a proxy in front can be made to take one for two. All strings
// are parts of one copy of the head.
func (x *exchange) parse(head []byte) *http.Request {
	line, fields, _ := strings.Cut(string(head), "\r\n")
	method, line, _ := strings.Cut(line, " ")
	target, version, _ := strings.Cut(line, " ")
	if version != "HTTP/1.1" || !isToken(method) || !x.parseTarget(target) {
		return nil
	}
	r := &x.request
	*r = *x.blank
	r.Method, r.URL, r.RequestURI = method, &x.url, target
	r.Proto, r.ProtoMajor, r.ProtoMinor = version, 1, 1
	r.Body = http.NoBody
	r.Header = x.header
	x.values = slices.Grow(x.values[:0], strings.Count(fields, "\r\n")+1)
	for fields != "" {
		line, fields, _ = strings.Cut(fields, "\r\n")
		name, value, _ := strings.Cut(line, ":")
		value = strings.Trim(value, " \t")
		if len(name) == len(line) || !isToken(name) || !isFieldValue(value) {
			return nil
		}
		switch name = canonicalName(name); takeField(r, name, value) {
		case refused:
			return nil
		case taken:
			continue
		}
		if more := r.Header[name]; more != nil {
			r.Header[name] = append(more, value)
			continue
		}
		x.values = append(x.values, value)
		r.Header[name] = x.values[len(x.values)-1 : len(x.values) : len(x.values)]
	}
	if r.Host == "" {
		return nil
	}
	return r
}

// What becomes of a field.
type fieldUse uint8

const (
	kept    fieldUse = iota // it stands in the header
	taken                   // it stands elsewhere
	refused                 // it is for net/http
)

// takeField looks at what a field means for the connection.
func takeField(r *http.Request, name, value string) fieldUse {
	switch name {
	case "Host":
		if r.Host != "" || !isHost(value) {
			return refused
		}
		r.Host = value
		return taken
	case "Content-Length":
		n, err := strconv.ParseUint(value, 10, 31)
		if err != nil || r.Header[name] != nil {
			return refused
		}
		r.ContentLength = int64(n)
	case "Connection":
		for option := range strings.SplitSeq(value, ",") {
			switch option = strings.Trim(option, " \t"); {
			case strings.EqualFold(option, "close"):
				r.Close = true
			case strings.EqualFold(option, "keep-alive"), strings.EqualFold(option, "upgrade"):
			default:
				return refused
			}
		}
	case "Transfer-Encoding", "Trailer", "Expect", "Pragma":
		return refused
	}
	return kept
}

// parseTarget reads a target in origin form (RFC 9112, section 3.2.1).
func (x *exchange) parseTarget(target string) bool {
	if target == "" || target[0] != '/' {
		return false
	}
	path, query, asked := strings.Cut(target, "?")
	if asked && query == "" || !all(path, plainInPath) || !all(query, plainInQuery) {
		u, err := url.ParseRequestURI(target)
		if err == nil {
			x.url = *u
		}
		return err == nil
	}
	x.url = url.URL{Path: path, RawQuery: query}
	return true
}

// canonicalName returns the name of a field as http.Header has it.
func canonicalName(name string) string {
	upper := true
	for i := 0; i < len(name); i++ {
		if c := name[i]; upper && 'a' <= c && c <= 'z' || !upper && 'A' <= c && c <= 'Z' {
			if known, ok := commonNames[name]; ok {
				return known
			}
			return textproto.CanonicalMIMEHeaderKey(name)
		}
		upper = name[i] == '-'
	}
	return name
}

// commonNames are those of fields that many programs write in small letters, or otherwise.
var commonNames = func() map[string]string {
	m := map[string]string{"Sec-WebSocket-Key": "Sec-Websocket-Key", "Sec-WebSocket-Version": "Sec-Websocket-Version",
		"Sec-WebSocket-Protocol": "Sec-Websocket-Protocol", "Sec-WebSocket-Extensions": "Sec-Websocket-Extensions"}
	for _, name := range []string{
		"accept", "accept-encoding", "accept-language", "authorization", "cache-control", "connection", "content-length",
		"content-type", "cookie", "host", "idempotency-key", "origin", "referer", "user-agent", "x-forwarded-for",
		"x-forwarded-host", "x-forwarded-proto", "x-request-id",
	} {
		m[name] = textproto.CanonicalMIMEHeaderKey(name)
	}
	return m
}()

func isToken(s string) bool      { return s != "" && all(s, inToken) }
func isFieldValue(s string) bool { return all(s, inFieldValue) }
func isHost(s string) bool       { return s != "" && all(s, inHost) }

func all(s string, kind byteKind) bool {
	for i := 0; i < len(s); i++ {
		if byteKinds[s[i]]&kind == 0 {
			return false
		}
	}
	return true
}

// What a byte may stand in.
type byteKind uint8

const (
	inToken      byteKind = 1 << iota // RFC 9110, section 5.6.2
	inFieldValue                      // RFC 9110, section 5.5
	inHost                            // of what RFC 3986, section 3.2.2, has: names and addresses
	plainInPath                       // stands for itself, and package url would write it as it is
	plainInQuery                      // is visible, and no '#'
)

var byteKinds = func() (kinds [256]byteKind) {
	for c := range kinds {
		if c == '\t' || c >= ' ' && c != 0x7f {
			kinds[c] |= inFieldValue
		}
		if c > ' ' && c < 0x7f && c != '#' {
			kinds[c] |= plainInQuery
		}
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		for kind, others := range map[byteKind]string{inToken: "!#$%&'*+-.^_`|~", inHost: "-._:[]", plainInPath: "-_.~$&+,/:;=@"} {
			if letter || c < 0x80 && strings.IndexByte(others, byte(c)) >= 0 {
				kinds[c] |= kind
			}
		}
	}
	return kinds
}()
