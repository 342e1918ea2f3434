package wire

import (
	"encoding/base64"
	"fmt"

	"github.com/wsbridge/wsbridge/pubsub"
)

// What a client may ask for, see [Command].
const (
	Connect     = "connect"
	Subscribe   = "subscribe"
	Unsubscribe = "unsubscribe"
	Publish     = "publish"
	History     = "history"
	Presence    = "presence"
	RPC         = "rpc"
	Refresh     = "refresh"
)

const (
	MaxChannels  = 1000 // channels that one command or connection may name
	DefaultLimit = 100  // messages of an answer that asks for no number
	MaxLimit     = 1000 // messages of one answer
)

// Codes of a [CommandError]. They are among the stable codes of docs/protocol.md.
const (
	CodeBadJSON         = "bad_json"
	CodeBadRequest      = "bad_request"
	CodeBadChannel      = "bad_channel"
	CodeBadPosition     = "bad_position"
	CodeBadCursor       = "bad_cursor"
	CodeBadMessage      = "bad_message"
	CodeTooManyChannels = "too_many_channels"
	CodeUnknownCommand  = "unknown_command"
)

// A CommandError says what is wrong with a command or request. Nothing of it was done.
type CommandError struct {
	Code   string // stable, for programs
	Detail string // for people; it names the field
}

func (e *CommandError) Error() string { return e.Code + ": " + e.Detail }

// A Command is what a client sends over a WebSocket or to /v1/send. Which fields count
// depends on Type; a field that a command does not know is not looked at by whoever
// obeys it.
type Command struct {
	Type    string
	Ref     Ref
	Token   string            // connect, refresh, and all of /v1/send
	Channel pubsub.Channel    // subscribe, unsubscribe, publish, history, presence
	Since   pubsub.Start      // subscribe, history; the zero Start when absent
	Before  pubsub.Start      // history, instead of Since; the zero Start when absent
	Limit   int               // history: 1 to MaxLimit
	Streams bool              // subscribe: send the bytes of streams as well
	Event   string            // publish
	Data    pubsub.Data       // publish, rpc; JSON is compact
	Meta    map[string]string // publish
	Key     string            // publish: "idempotency_key"
	Method  string            // rpc

	Client   string           // connect, if the query did not name one
	Channels []pubsub.Channel // connect
	Cursor   pubsub.Cursor    // connect
}

// ParseCommand reads a command from JSON. After an error the Command still has the Ref,
// if that could be read, so that the error can be told apart by its sender. The payload
// is held against no limit but the text's.
func ParseCommand(text []byte) (Command, *CommandError) {
	return parseCommand(text)
}

// ParseBinaryCommand reads a publish command from a binary frame: its data is what
// follows the JSON. See the package's docs for the frame.
func ParseBinaryCommand(frame []byte) (Command, *CommandError) {
	text, payload, err := splitFrame(frame)
	if err != nil {
		return Command{}, &CommandError{CodeBadRequest, err.Error()}
	}
	c, cerr := parseCommand(text)
	switch {
	case cerr != nil:
		return c, cerr
	case c.Type != Publish:
		return c, &CommandError{CodeBadRequest, "a binary frame carries a publish command, not " + c.Type}
	case c.Data.Kind != pubsub.NoData:
		return c, &CommandError{CodeBadRequest, "the data of a binary frame follows its JSON; it must not stand in it as well"}
	}
	c.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: append([]byte{}, payload...)}
	return c, nil
}

func parseCommand(text []byte) (Command, *CommandError) {
	c := Command{Limit: DefaultLimit}
	var f fields
	// The command's own object stands around a payload of MaxDepth.
	if err := eachMember(text, MaxDepth+1, func(name, v []byte) { c.set(&f, name, v) }); err != nil {
		return Command{Ref: c.Ref}, err
	}
	switch {
	case c.Type == "" && f.err == nil:
		f.fail(CodeBadRequest, "type is missing: say which command it is")
	case c.Type != "" && !known(c.Type):
		// Before all other complaints: a newer client may use fields in another way.
		f.err = &CommandError{CodeUnknownCommand, fmt.Sprintf("there is no command %.40q", c.Type)}
	case f.err == nil:
		c.require(&f)
	}
	if f.err != nil {
		return Command{Type: c.Type, Ref: c.Ref}, f.err
	}
	return c, nil
}

// eachMember is [EachMember] for a text that must be an object.
func eachMember(text []byte, depth int, visit func(name, value []byte)) *CommandError {
	switch object, err := EachMember(text, depth, visit); {
	case err != nil:
		return &CommandError{CodeBadJSON, err.Error()}
	case !object:
		return &CommandError{CodeBadRequest, "a JSON object is expected"}
	}
	return nil
}

func (c *Command) set(f *fields, name, v []byte) {
	switch string(name) {
	case "type":
		c.Type = f.text("type", v)
	case "ref":
		c.Ref = f.ref(v)
	case "token":
		c.Token = f.text("token", v)
	case "channel":
		c.Channel = f.channel("channel", v)
	case "since":
		c.Since = f.since("since", v)
	case "before":
		c.Before = f.since("before", v)
	case "limit":
		if !null(v) {
			c.Limit = f.limit("limit", string(v))
		}
	case "streams":
		c.Streams = f.bool("streams", v)
	case "event":
		c.Event = f.text("event", v)
	case "data":
		f.once(&c.Data, pubsub.JSON)
		c.Data = pubsub.Data{Kind: pubsub.JSON, Bytes: f.json(v)}
	case "data_base64":
		if !null(v) {
			f.once(&c.Data, pubsub.Binary)
			c.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: f.base64("data_base64", v)}
		}
	case "meta":
		c.Meta = f.meta(v)
	case "idempotency_key":
		if !null(v) {
			c.Key = f.text("idempotency_key", v)
			if err := pubsub.CheckKey(c.Key); err != nil {
				f.fail(CodeBadRequest, "idempotency_key: %v", err)
			}
		}
	case "method":
		c.Method = f.text("method", v)
	case "client":
		c.Client = f.client("client", f.text("client", v))
	case "channels":
		c.Channels = f.channels("channels", v, MaxChannels)
	case "cursor":
		c.Cursor = f.cursor("cursor", f.text("cursor", v), MaxChannels)
	}
}

// once complains when data of the other kind was there already.
func (f *fields) once(d *pubsub.Data, kind pubsub.Kind) {
	if d.Kind != pubsub.NoData && d.Kind != kind {
		f.fail(CodeBadRequest, "data and data_base64 exclude each other")
	}
}

func known(command string) bool {
	switch command {
	case Connect, Subscribe, Unsubscribe, Publish, History, Presence, RPC, Refresh:
		return true
	}
	return false
}

// require complains about what a command of this type cannot do without. What a message
// needs is checked where it is published.
func (c *Command) require(f *fields) {
	switch c.Type {
	case Subscribe, Unsubscribe, Publish, History, Presence:
		if c.Channel == "" {
			f.fail(CodeBadRequest, "channel is missing")
		}
		if c.Since.Resume && c.Before.Resume {
			f.fail(CodeBadRequest, "since and before exclude each other")
		}
		if c.Before.Resume && c.Before.Pos.IsZero() {
			f.fail(CodeBadPosition, "before: nothing stands in front of 0; leave it away for the newest messages")
		}
	case RPC:
		if c.Method == "" {
			f.fail(CodeBadRequest, "method is missing")
		}
		if c.Data.Kind == pubsub.Binary {
			f.fail(CodeBadRequest, "the data of rpc is JSON")
		}
	case Refresh:
		if c.Token == "" {
			f.fail(CodeBadRequest, "token is missing")
		}
	}
}

// AppendCommand appends c as JSON, binary data as base64.
func AppendCommand(dst []byte, c *Command) []byte {
	dst = appendCommandMembers(dst, c)
	if c.Data.Kind == pubsub.Binary {
		dst = base64.StdEncoding.AppendEncode(append(dst, `,"data_base64":"`...), c.Data.Bytes)
		dst = append(dst, '"')
	}
	return append(dst, '}')
}

// AppendCommandFrame appends the binary frame of a publish command whose data is binary.
func AppendCommandFrame(dst []byte, c *Command) []byte {
	start := len(dst)
	dst = append(appendCommandMembers(append(dst, 0, 0, 0, 0), c), '}')
	return append(closeHead(dst, start), c.Data.Bytes...)
}

func appendCommandMembers(dst []byte, c *Command) []byte {
	text := func(name, s string) {
		if s != "" {
			dst = AppendString(append(append(dst, ',', '"'), name...), s)
		}
	}
	dst = appendRef(AppendString(append(dst, `{"type":`...), c.Type), c.Ref)
	text(`token":`, c.Token)
	text(`channel":`, string(c.Channel))
	if c.Since.Resume {
		dst = append(c.Since.Pos.AppendTo(append(dst, `,"since":"`...)), '"')
	}
	if c.Before.Resume {
		dst = append(c.Before.Pos.AppendTo(append(dst, `,"before":"`...)), '"')
	}
	if c.Limit > 0 {
		dst = appendInt(append(dst, `,"limit":`...), c.Limit)
	}
	if c.Streams {
		dst = append(dst, `,"streams":true`...)
	}
	text(`event":`, c.Event)
	if c.Data.Kind == pubsub.JSON {
		dst = append(append(dst, `,"data":`...), c.Data.Bytes...)
	}
	if len(c.Meta) > 0 {
		dst = appendMeta(append(dst, `,"meta":`...), c.Meta)
	}
	text(`idempotency_key":`, c.Key)
	text(`method":`, c.Method)
	text(`client":`, c.Client)
	if len(c.Channels) > 0 {
		dst = appendChannels(append(dst, `,"channels":`...), c.Channels)
	}
	if len(c.Cursor) > 0 {
		dst = append(c.Cursor.AppendTo(append(dst, `,"cursor":"`...)), '"')
	}
	return dst
}
