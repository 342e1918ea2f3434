package wire

import (
	"net/url"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	DefaultWait = 25 * time.Second // how long a poll is held that asks for no time
	MaxWait     = 55 * time.Second // below the minute after which proxies commonly give up
	MaxClient   = 64               // bytes of a client's name
)

// A Request is what a client shows when it connects by HTTP: in the query of any
// transport, or in the body of a POST to /v1/poll, /v1/sse or /v1/http-stream.
type Request struct {
	Token    string
	Client   string // as [ValidClient] allows; empty: the server makes one
	Channels []pubsub.Channel
	Cursor   pubsub.Cursor
	Wait     time.Duration // 0 to MaxWait, DefaultWait when absent
	Limit    int           // messages, 1 to MaxLimit, DefaultLimit when absent
}

// ParseQuery reads a Request of at most max channels from a query.
func ParseQuery(q url.Values, max int) (Request, *CommandError) {
	r := Request{Wait: DefaultWait, Limit: DefaultLimit}
	var f fields
	r.Token = q.Get("token")
	r.Client = f.client("client", q.Get("client"))
	r.Channels = f.channelNames("channels", strings.Join(q["channels"], ","), max)
	r.Cursor = f.cursor("cursor", q.Get("cursor"), max)
	if s := q.Get("wait"); s != "" {
		r.Wait = f.wait("wait", s)
	}
	if s := q.Get("limit"); s != "" {
		r.Limit = f.limit("limit", s)
	}
	return r, f.err
}

// ParseBody reads a Request of at most max channels from the JSON body of a POST.
func ParseBody(text []byte, max int) (Request, *CommandError) {
	r := Request{Wait: DefaultWait, Limit: DefaultLimit}
	var f fields
	err := eachMember(text, MaxDepth, func(name, v []byte) {
		switch string(name) {
		case "token":
			r.Token = f.text("token", v)
		case "client":
			r.Client = f.client("client", f.text("client", v))
		case "channels":
			r.Channels = f.channels("channels", v, max)
		case "cursor":
			r.Cursor = f.cursor("cursor", f.text("cursor", v), max)
		case "wait":
			if !null(v) {
				r.Wait = f.wait("wait", string(v))
			}
		case "limit":
			if !null(v) {
				r.Limit = f.limit("limit", string(v))
			}
		}
	})
	if err != nil {
		return r, err
	}
	return r, f.err
}

// Marks returns the channels that a request or a connect command is for, and where each
// begins: those it names, else those of its cursor, else those of the token, from now.
func Marks(channels []pubsub.Channel, cursor pubsub.Cursor, token []pubsub.Channel) pubsub.Cursor {
	if len(channels) == 0 {
		if len(cursor) > 0 {
			return cursor
		}
		channels = token
	}
	starts := make(map[pubsub.Channel]pubsub.Start, len(cursor))
	for _, m := range cursor {
		starts[m.Channel] = m.Start
	}
	marks := make(pubsub.Cursor, 0, len(channels))
	seen := make(map[pubsub.Channel]struct{}, len(channels))
	for _, c := range channels {
		if _, twice := seen[c]; !twice { // as a token may name one
			seen[c] = struct{}{}
			marks = append(marks, pubsub.Mark{Channel: c, Start: starts[c]})
		}
	}
	return marks
}

// Advance lets the positions of newer beat those of the cursor, channel by channel: what
// an EventSource shows as Last-Event-ID is younger than the query it was opened with.
func (r *Request) Advance(newer pubsub.Cursor) {
	for _, m := range newer {
		if m.Start.Resume {
			r.Cursor = r.Cursor.Set(m.Channel, m.Start.Pos)
		}
	}
}

// ValidClient reports whether s can name a client: 1 to MaxClient of A-Z a-z 0-9 _ -.
func ValidClient(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !(digit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' || c == '-') {
			return false
		}
	}
	return 1 <= len(s) && len(s) <= MaxClient
}

// AppendRequest appends r as the body of a POST. A server reads Wait and Limit of 0 as 0,
// which for Limit is a fault.
func AppendRequest(dst []byte, r *Request) []byte {
	dst = append(dst, '{')
	if r.Token != "" {
		dst = append(AppendString(append(dst, `"token":`...), r.Token), ',')
	}
	if r.Client != "" {
		dst = append(AppendString(append(dst, `"client":`...), r.Client), ',')
	}
	if len(r.Channels) > 0 {
		dst = append(appendChannels(append(dst, `"channels":`...), r.Channels), ',')
	}
	if len(r.Cursor) > 0 {
		dst = append(r.Cursor.AppendTo(append(dst, `"cursor":"`...)), `",`...)
	}
	dst = appendSeconds(append(dst, `"wait":`...), r.Wait)
	dst = appendInt(append(dst, `,"limit":`...), r.Limit)
	return append(dst, '}')
}
