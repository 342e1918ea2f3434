package wire

import (
	"encoding/hex"
	"strconv"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// members collects what an event is built from. The objects of messages and gaps lie flat
// in their events, so which of them a member belongs to is known only once the type is.
type members struct {
	fields
	message pubsub.Message
	reason  string
	from    []byte // an object in a message, a position in a gap
	to      pubsub.Position
	stream  []byte // an object in a message, an id in a piece of a stream

	offset      int64
	streamState string
}

func (m *members) add(e *Event, name, v []byte) {
	switch string(name) {
	case "type":
		e.Type = m.text("type", v)
	case "ref":
		e.Ref = m.ref(v)
	case "client":
		e.Client = m.text("client", v)
	case "user":
		e.User = m.text("user", v)
	case "heartbeat":
		e.Heartbeat = time.Duration(m.count("heartbeat", v)) * time.Second
	case "channel":
		e.Channel = m.channel("channel", v)
	case "pos":
		e.Pos = m.position("pos", m.text("pos", v))
	case "cursor":
		e.Cursor = m.cursor("cursor", m.text("cursor", v), MaxChannels)
	case "id":
		e.ID = m.text("id", v)
	case "duplicate":
		e.Duplicate = m.bool("duplicate", v)
	case "more":
		e.More = m.bool("more", v)
	case "retry":
		e.Retry = time.Duration(m.count("retry", v)) * time.Millisecond
	case "detail":
		e.Detail = m.text("detail", v)
	case "code":
		if number(v) {
			e.CloseCode = CloseCode(m.count("code", v))
		} else {
			e.Code = m.text("code", v)
		}
	case "reason":
		m.reason = m.text("reason", v)
	case "event":
		m.message.Event = m.text("event", v)
	case "data":
		m.message.Data = pubsub.Data{Kind: pubsub.JSON, Bytes: m.json(v)}
	case "data_base64":
		m.message.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: m.base64("data_base64", v)}
	case "time":
		m.message.Time = m.time("time", v)
	case "from":
		m.from = v
	case "to":
		m.to = m.position("to", m.text("to", v))
	case "meta":
		m.message.Meta = m.meta(v)
	case "stream":
		m.stream = v
	case "offset":
		m.offset = m.whole("offset", v)
	case "state":
		m.streamState = m.text("state", v)
	case "messages":
		m.each("messages", v, func(item []byte) {
			if message := m.nested(EventMessage, item).Message; message != nil {
				e.Messages = append(e.Messages, message)
			}
		})
	case "gaps":
		m.each("gaps", v, func(item []byte) {
			if gap := m.nested(EventGap, item).Gap; gap != nil {
				e.Gaps = append(e.Gaps, *gap)
			}
		})
	case "members":
		m.each("members", v, func(item []byte) {
			member := m.nested(EventJoin, item)
			e.Members = append(e.Members, pubsub.Sender{User: member.User, Client: member.Client})
		})
	}
}

// build puts together what belongs to the event's type.
func (m *members) build(e *Event) {
	switch e.Type {
	case EventMessage:
		message := m.message
		message.Channel, message.Pos = e.Channel, e.Pos
		message.ID = m.id(e.ID)
		if e.Channel == "" || e.Pos.IsZero() {
			m.fail(CodeBadRequest, "a message has no channel or no pos")
		}
		if m.from != nil && !null(m.from) {
			from := m.nested(EventJoin, m.from)
			message.From = &pubsub.Sender{User: from.User, Client: from.Client}
		}
		if m.stream != nil && !null(m.stream) {
			message.Stream = m.readStream(m.stream)
		}
		e.Message = &message
		e.Channel, e.Pos, e.ID = "", pubsub.Position{}, ""
	case EventGap:
		gap := pubsub.Gap{Channel: e.Channel, Reason: pubsub.Reason(m.reason), To: m.to}
		if m.from == nil {
			m.fail(CodeBadRequest, "a gap has no from")
		} else {
			gap.From = m.position("from", m.text("from", m.from))
		}
		e.Gap = &gap
		e.Channel = ""
	case EventStream:
		e.Piece = m.piece(e)
		e.Channel = ""
	case EventOK:
		e.Data = m.message.Data.Bytes
	}
}

// nested reads an object within the event; kind is what it is unless it says otherwise.
func (m *members) nested(kind string, v []byte) Event {
	e, err := parseEvent(kind, v)
	if err != nil {
		m.fail(CodeBadRequest, "%v", err)
	}
	return e
}

func (m *members) each(name string, v []byte, visit func(item []byte)) {
	switch {
	case null(v):
	case v[0] != '[':
		m.mismatch(name, "a list", v)
	default:
		s := scanner{data: v, depth: eventDepth}
		_ = s.array(visit) // it was checked when it was found
	}
}

// count reads a number that is not negative; a fraction is dropped.
func (m *members) count(name string, v []byte) uint32 {
	n, err := strconv.ParseFloat(string(v), 64)
	if err != nil || !(0 <= n && n < 1<<32) {
		m.fail(CodeBadRequest, "%s must be a number from 0 to 2^32", name)
		return 0
	}
	return uint32(n)
}

func (m *members) time(name string, v []byte) time.Time {
	t, err := time.Parse(time.RFC3339, m.text(name, v))
	if err != nil {
		m.fail(CodeBadRequest, "%s is not of RFC 3339", name)
	}
	return t.UTC()
}

// id reads the text of a UUID (RFC 9562, section 4).
func (m *members) id(s string) (id [16]byte) {
	if len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' {
		digits := s[:8] + s[9:13] + s[14:18] + s[19:23] + s[24:]
		if n, err := hex.Decode(id[:], []byte(digits)); err == nil && n == len(id) {
			return id
		}
	}
	m.fail(CodeBadRequest, "id is no UUID: %.40q", s)
	return [16]byte{}
}
