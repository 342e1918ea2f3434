package transport

import (
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func (c *socket) subscribe(command *wire.Command) error {
	if err := permit(c.principal, Subscribe, command.Channel); err != nil {
		return err
	}
	undo := func() {}
	if command.Streams {
		// Before it is subscribed, so that no beginning is passed by.
		var err error
		if undo, err = c.followStreams(command.Channel); err != nil {
			return err
		}
	}
	err := c.join(command.Ref, pubsub.Mark{Channel: command.Channel, Start: command.Since})
	if err != nil {
		undo()
	}
	return err
}

// unsubscribe is answered with ok also if the channel was not subscribed: nothing of it
// comes after that either way.
func (c *socket) unsubscribe(command *wire.Command) {
	c.leaveStreams(command.Channel)
	ok := textFrame(func(b []byte) []byte { return wire.AppendOK(b, command.Ref) })
	if !c.client.Unsubscribe(command.Channel, ok) {
		c.client.Reply(ok)
	}
}

// refresh takes a new token of the same user. What it no longer permits is unsubscribed.
func (c *socket) refresh(command *wire.Command) error {
	id, err := c.server.verify(command.Token)
	if err != nil {
		return err
	}
	if c.principal.user == "" {
		return problem.New(problem.BadRequest, "the client has no token; send connect")
	}
	if id.User != c.principal.user {
		return problem.New(problem.Forbidden, "the token is another user's")
	}
	c.identify(id)
	c.reply(func(b []byte) []byte { return wire.AppendOK(b, command.Ref) })
	for _, name := range c.client.Channels() {
		if c.principal.may(Subscribe, name) {
			continue
		}
		c.leaveStreams(name)
		c.client.Unsubscribe(name, textFrame(func(b []byte) []byte {
			return wire.AppendUnsubscribed(b, name, string(problem.Forbidden))
		}))
	}
	return nil
}
