package wire

import (
	"encoding/base64"
	"slices"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

const messageType = `{"type":"message",`

// AppendMessage appends the message object:
//
//	{"channel":"…","id":"…","pos":"…","event":"…","data":…,"time":"…","from":{…},"meta":{…}}
//
// Binary data stands as "data_base64" (RFC 4648, section 4, padded); what is empty is
// left out. It allocates nothing if dst has the room.
func AppendMessage(dst []byte, m *pubsub.Message) []byte {
	return append(appendMembers(append(dst, '{'), m, true), '}')
}

// AppendMessageEvent appends the text frame of a message. One with binary data goes as a
// binary frame to whoever can have one, see [AppendMessageFrame].
func AppendMessageEvent(dst []byte, m *pubsub.Message) []byte {
	return append(appendMembers(append(dst, messageType...), m, true), '}')
}

func appendMembers(dst []byte, m *pubsub.Message, binary bool) []byte {
	// A channel's name and a position have no byte that JSON escapes.
	dst = append(append(dst, `"channel":"`...), m.Channel...)
	dst = appendID(append(dst, `","id":"`...), m.ID)
	dst = m.Pos.AppendTo(append(dst, `","pos":"`...))
	dst = append(dst, '"')
	if m.Event != "" {
		dst = AppendString(append(dst, `,"event":`...), m.Event)
	}
	switch {
	case m.Data.Kind == pubsub.JSON:
		dst = append(append(dst, `,"data":`...), m.Data.Bytes...)
	case m.Data.Kind == pubsub.Binary && binary:
		dst = base64.StdEncoding.AppendEncode(append(dst, `,"data_base64":"`...), m.Data.Bytes)
		dst = append(dst, '"')
	}
	if m.Stream != nil {
		dst = appendStream(append(dst, `,"stream":`...), m.Stream)
	}
	dst = appendTime(append(dst, `,"time":"`...), m.Time)
	dst = append(dst, '"')
	if m.From != nil {
		dst = appendPeer(append(dst, `,"from":{`...), m.From.User, m.From.Client)
		dst = append(dst, '}')
	}
	if len(m.Meta) > 0 {
		dst = appendMeta(append(dst, `,"meta":`...), m.Meta)
	}
	return dst
}

// appendPeer appends the members that name who a client is, without braces.
func appendPeer(dst []byte, user, client string) []byte {
	if user != "" {
		dst = AppendString(append(dst, `"user":`...), user)
	}
	if client != "" {
		if user != "" {
			dst = append(dst, ',')
		}
		dst = AppendString(append(dst, `"client":`...), client)
	}
	return dst
}

// appendMeta sorts, so that one message has one text on all instances.
func appendMeta(dst []byte, meta map[string]string) []byte {
	names := make([]string, 0, pubsub.MaxMetaEntries)
	for name := range meta {
		names = append(names, name)
	}
	slices.Sort(names)
	for i, name := range names {
		if i == 0 {
			dst = append(dst, '{')
		} else {
			dst = append(dst, ',')
		}
		dst = append(AppendString(dst, name), ':')
		dst = AppendString(dst, meta[name])
	}
	return append(dst, '}')
}

// appendTime appends RFC 3339 in milliseconds, the broker's precision, always as UTC.
func appendTime(dst []byte, t time.Time) []byte {
	return t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
}

// appendID appends the text of a UUID (RFC 9562, section 4).
func appendID(dst []byte, id [16]byte) []byte {
	for i, c := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
	}
	return dst
}
