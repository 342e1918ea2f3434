package transport

import (
	"net/http"
	"slices"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// connectTimeout is how long a client without a token may take to say who it is, or what it wants.
const connectTimeout = 10 * time.Second

// A hello is what the request of a WebSocket showed.
type hello struct {
	token    bool     // there was one
	identity Identity // its, or that of anonymous clients
	err      error    // why the client is not let in
	client   string
	channels []pubsub.Channel
	cursor   pubsub.Cursor
}

func (s *Server) hello(r *http.Request) hello {
	shown, bad := wire.ParseQuery(r.URL.Query(), wire.MaxChannels)
	if bad != nil {
		return hello{err: bad}
	}
	id, err := s.authenticate(r, shown.Token)
	_, header := auth.Bearer(r.Header)
	return hello{header || shown.Token != "", id, err, shown.Client, shown.Channels, shown.Cursor}
}

// greet begins the conversation. Whoever showed a token is connected at once, or refused
// where a browser can see why. Without one, connect is awaited; until then the client is
// anonymous, and is connected as that if its query names channels that are open to everyone,
// or with the first command that it sends instead.
func (c *socket) greet() {
	h := c.hello
	switch {
	case h.err != nil:
		c.refuse("", h.err)
	case h.token:
		c.connect("", h.identity)
	case len(h.channels)+len(h.cursor) > 0 && permitAll(h.identity.principal(), c.marks(&h.identity)) == nil:
		c.connect("", h.identity)
	default:
		c.anonymous.Store(true)
		c.server.wheel.Schedule(&c.beat, connectTimeout)
	}
}

// obeyConnect connects a client by command. What the command leaves out is that of the query.
func (c *socket) obeyConnect(command *wire.Command) error {
	if c.principal.user != "" {
		return problem.New(problem.BadRequest, "the client is connected; send refresh for another token")
	}
	h := c.hello
	if h == nil { // anonymous until now
		id, err := c.server.verify("")
		if err != nil {
			c.refuse(command.Ref, err)
			return nil
		}
		h = &hello{identity: id}
		c.hello = h
	}
	id := h.identity
	if command.Token != "" {
		var err error
		if id, err = c.server.verify(command.Token); err != nil {
			c.refuse(command.Ref, err)
			return nil
		}
	}
	if len(command.Channels) > 0 {
		h.channels = command.Channels
	}
	if len(command.Cursor) > 0 {
		h.cursor = command.Cursor
	}
	if !c.named && command.Client != "" {
		c.name = command.Client
	}
	c.connect(command.Ref, id)
	return nil
}

// connect lets the client in as id: ok if it asked by command, welcome, then subscribed for
// each channel. One that it may not subscribe to refuses it as a whole.
func (c *socket) connect(ref wire.Ref, id Identity) {
	marks := c.marks(&id)
	if len(marks) > wire.MaxChannels {
		c.refuse(ref, problem.New(problem.TooManyChannels, "%d channels, at most %d are allowed", len(marks), wire.MaxChannels))
		return
	}
	if err := permitAll(id.principal(), marks); err != nil {
		c.refuse(ref, err)
		return
	}
	c.anonymous.Store(false)
	c.identify(id)
	heartbeat := c.server.options.Heartbeat
	c.server.wheel.Schedule(&c.beat, heartbeat)

	if ref != "" {
		c.reply(func(b []byte) []byte { return wire.AppendOK(b, ref) })
	}
	c.reply(func(b []byte) []byte { return wire.AppendWelcomeEvent(b, c.name, id.User, heartbeat) })
	marks = slices.DeleteFunc(slices.Clone(marks), func(m pubsub.Mark) bool {
		return c.client.Subscribed(m.Channel) // by an anonymous client that connects by command now
	})
	joined, err := c.client.SubscribeAll(c.server.ctx, marks, func(name pubsub.Channel, pos pubsub.Position) bridge.Reply {
		return textFrame(func(b []byte) []byte { return wire.AppendSubscribed(b, "", name, pos) })
	})
	if err != nil {
		c.refuse("", subscribeRefusal(err).In(marks[len(joined)].Channel))
		return
	}
	c.hello = nil
}

// marks returns the channels that the client joins as id: those that it names or has in its
// cursor, and those of its token.
func (c *socket) marks(id *Identity) pubsub.Cursor {
	marks := wire.Marks(c.hello.channels, c.hello.cursor, nil)
	for _, name := range id.Channels {
		if find(marks, name) < 0 {
			start, _ := c.hello.cursor.Find(name)
			marks = append(marks, pubsub.Mark{Channel: name, Start: start})
		}
	}
	return marks
}

// join subscribes one channel. The confirmation stands in front of all its messages.
func (c *socket) join(ref wire.Ref, m pubsub.Mark) error {
	_, err := c.client.Subscribe(c.server.ctx, m.Channel, m.Start, func(pos pubsub.Position) bridge.Reply {
		return textFrame(func(b []byte) []byte { return wire.AppendSubscribed(b, ref, m.Channel, pos) })
	})
	if err != nil {
		return subscribeRefusal(err).In(m.Channel)
	}
	return nil
}
