package redisbroker

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// An entry is what the log keeps and what is announced, the same bytes:
//
//	version  1 byte, 1
//	kind     1 byte, see below
//	head     EPOCH-OFFSET-DIGEST TIME TOTAL and a space: the position, the time in
//	         milliseconds, and the sizes of all messages of this epoch up to here together
//	body     written by the publisher's instance, see appendBody
//
// The scripts write version, kind and head. TOTAL makes every bound of retention a property
// of one entry: what a log keeps from some offset on costs the difference of two totals.
type entry struct {
	kind  byte
	pos   pubsub.Position
	time  time.Time
	total int64
	body  string
}

const (
	entryVersion = 1

	kindMessage = 'm'
	kindBreak   = 'b' // announced only: the log is no longer what it was
	kindScar    = 's' // messages that were acknowledged in front of it are lost
)

var (
	// errFormat: another version of the program wrote it, which this one cannot read.
	errFormat = errors.New("written by a newer version of wsbridge; upgrade this instance")

	errDamaged = errors.New("damaged")
)

// parseEntry splits an entry and looks at its head.
func parseEntry(text string) (entry, error) {
	if len(text) < 2 || text[0] != entryVersion {
		return entry{}, errFormat
	}
	e := entry{kind: text[1]}
	if e.kind != kindMessage && e.kind != kindBreak && e.kind != kindScar {
		return entry{}, errFormat
	}
	head := text[2:]
	pos, head, ok1 := strings.Cut(head, " ")
	ms, head, ok2 := strings.Cut(head, " ")
	total, body, ok3 := strings.Cut(head, " ")
	if !ok1 || !ok2 || !ok3 {
		return entry{}, errDamaged
	}
	var err1, err2, err3 error
	e.pos, err1 = pubsub.ParsePosition(pos)
	at, err2 := strconv.ParseInt(ms, 10, 64)
	e.total, err3 = strconv.ParseInt(total, 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return entry{}, fmt.Errorf("%w: %w", errDamaged, err)
	}
	e.time, e.body = time.UnixMilli(at).UTC(), body
	return e, nil
}

// message returns the message that the entry of a channel holds.
func (e *entry) message(c pubsub.Channel) (*pubsub.Message, error) {
	m := &pubsub.Message{Channel: c, Pos: e.pos, Time: e.time}
	if !parseBody(m, e.body) {
		return nil, fmt.Errorf("%w: the body of the entry at %s", errDamaged, e.pos)
	}
	return m, nil
}

// An announcement is what a subscription line brought.
type announcement struct {
	pos     pubsub.Position // where the log ends with it
	message *pubsub.Message // nil: the log is to be read
}

// decode reads an announcement.
func decode(c pubsub.Channel, text string) (announcement, error) {
	e, err := parseEntry(text)
	if err != nil || e.kind != kindMessage {
		return announcement{pos: e.pos}, err
	}
	m, err := e.message(c)
	return announcement{e.pos, m}, err
}

// appendBody writes a publication: its id in canonical text, since the script feeds that to
// the digest; a byte with the kind of data and whether a sender follows; event, sender and meta
// as strings with their lengths in front (uvarint); the stream, if a flag of that byte says so;
// the data. An instance that does not know a flag finds the body damaged, and passes nothing.
func appendBody(b []byte, p *pubsub.Publication) []byte {
	id, _ := p.ID.MarshalText()
	b = append(b, id...)
	kind := byte(p.Data.Kind)
	if p.From != nil {
		kind |= withSender
	}
	if p.Stream != nil {
		kind |= withStream
	}
	b = append(b, kind)
	b = appendString(b, p.Event)
	if p.From != nil {
		b = appendString(appendString(b, p.From.User), p.From.Client)
	}
	b = binary.AppendUvarint(b, uint64(len(p.Meta)))
	for k, v := range p.Meta {
		b = appendString(appendString(b, k), v)
	}
	if p.Stream != nil {
		b = appendStream(b, p.Stream)
	}
	return append(b, p.Data.Bytes...)
}

const (
	idLength   = 36
	withSender = 0x10
	withStream = 0x20
)

// appendStream writes what a message says of a stream: id, state, size plus one, name, type.
func appendStream(b []byte, s *pubsub.Stream) []byte {
	b = append(append(b, s.ID[:]...), byte(s.State))
	b = binary.BigEndian.AppendUint64(b, uint64(s.Size+1))
	return appendString(appendString(b, s.Name), s.Type)
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// parseBody is the inverse of appendBody. Strings are cloned: a piece of the body would keep
// all of it alive.
func parseBody(m *pubsub.Message, body string) bool {
	if len(body) < idLength+1 {
		return false
	}
	var err error
	if m.ID, err = uuid.Parse(body[:idLength]); err != nil {
		return false
	}
	kind := body[idLength]
	m.Data.Kind = pubsub.Kind(kind &^ (withSender | withStream))
	r := bodyReader{rest: body[idLength+1:]}
	m.Event = r.string()
	if kind&withSender != 0 {
		m.From = &pubsub.Sender{User: r.string(), Client: r.string()}
	}
	n := r.number()
	if r.bad || m.Data.Kind > pubsub.Binary || n > pubsub.MaxMetaEntries {
		return false
	}
	if n > 0 {
		m.Meta = make(map[string]string, n)
		for range n {
			k := r.string()
			m.Meta[k] = r.string()
		}
	}
	if kind&withStream != 0 {
		m.Stream = r.stream()
	}
	if m.Data.Kind == pubsub.NoData {
		return !r.bad && r.rest == ""
	}
	m.Data.Bytes = slices.Clip([]byte(r.rest))
	return !r.bad
}

// A bodyReader takes strings from the front of a body. Once something is wrong, bad is set and
// all it gives is empty.
type bodyReader struct {
	rest string
	bad  bool
}

func (r *bodyReader) number() uint64 {
	var n uint64
	for shift := 0; ; shift += 7 {
		if r.rest == "" || shift > 28 {
			r.bad, r.rest = true, ""
			return 0
		}
		c := r.rest[0]
		r.rest = r.rest[1:]
		n |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return n
		}
	}
}

func (r *bodyReader) string() string {
	n := r.number()
	if n > uint64(len(r.rest)) {
		r.bad, r.rest = true, ""
		return ""
	}
	s := strings.Clone(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *bodyReader) stream() *pubsub.Stream {
	const fixed = 16 + 1 + 8
	if len(r.rest) < fixed {
		r.bad, r.rest = true, ""
		return nil
	}
	head := []byte(r.rest[:fixed])
	r.rest = r.rest[fixed:]
	s := &pubsub.Stream{
		ID: uuid.UUID(head[:16]), State: pubsub.StreamState(head[16]),
		Size: int64(binary.BigEndian.Uint64(head[17:])) - 1,
		Name: r.string(), Type: r.string(),
	}
	if s.Check() != nil {
		r.bad = true
	}
	return s
}
