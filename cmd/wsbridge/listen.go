package main

import (
	"fmt"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

type listenCommand struct {
	Channels []string `arg:"" optional:"" help:"The channels. Default: those of the cursor, else those of the token."`

	Transport string `help:"How: ws, sse, http-stream, long-poll or poll." default:"ws" enum:"ws,websocket,sse,http-stream,long-poll,poll"`
	Cursor    string `help:"Where to begin, NAME@POS,NAME@POS. Default: now." placeholder:"CURSOR"`
	Count     int    `help:"End after so many messages. Default: never." placeholder:"N"`
	Client    string `help:"Name of this client, kept over reconnects." placeholder:"NAME"`
	URL       string `help:"The server." default:"http://127.0.0.1:8080" env:"WSBRIDGE_URL"`
	Token     string `help:"Token of a client. Default: none, as anyone." env:"WSBRIDGE_TOKEN" placeholder:"JWT"`
}

// maxListened bounds the channels of a cursor, as the server does.
const maxListened = wire.MaxChannels

// Run prints each message as the object that it is on every transport, and on standard error
// what else there is to know.
func (c *listenCommand) Run(t *terminal) error {
	options := raw.Options{
		URL: c.URL, Token: c.Token, ClientID: c.Client,
		OnRetry: func(reason error, after time.Duration) {
			fmt.Fprintf(t.err, "wsbridge: %v; again in %v\n", reason, after.Round(time.Millisecond))
		},
	}
	var err error
	if options.Transport, err = raw.ParseTransport(c.Transport); err != nil {
		return err
	}
	if options.Cursor, err = pubsub.ParseCursor(c.Cursor, maxListened); err != nil {
		return err
	}
	for _, name := range c.Channels {
		channel, err := pubsub.ParseChannel(name)
		if err != nil {
			return err
		}
		options.Channels = append(options.Channels, channel)
	}
	printed := 0
	for e, err := range raw.Listen(t.ctx, options) {
		switch {
		case err != nil:
			return err
		case e.Message != nil:
			if _, err := t.out.Write(append(wire.AppendMessage(nil, e.Message), '\n')); err != nil {
				return err
			}
			if printed++; printed == c.Count {
				return nil
			}
		case e.Gap != nil:
			fmt.Fprintf(t.err, "wsbridge: gap in %s: %s, from %s to %s\n", e.Gap.Channel, e.Gap.Reason, e.Gap.From, e.Gap.To)
		case e.Type == raw.Welcome:
			fmt.Fprintf(t.err, "wsbridge: connected by %v as %s\n", options.Transport, e.Client)
		case e.Type == raw.Failed:
			fmt.Fprintf(t.err, "wsbridge: %s: %s\n", e.Code, e.Detail)
		case e.Type == raw.Unsubscribed:
			fmt.Fprintf(t.err, "wsbridge: no longer subscribed to %s: %s\n", e.Channel, e.Code)
		}
	}
	return nil
}
