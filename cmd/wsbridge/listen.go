package main

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

type listenCommand struct {
	Channels []string `arg:"" optional:"" help:"The channels. Default: those of the cursor, else those of the token."`

	Transport  string `help:"How: auto, ws, sse, http-stream, long-poll or poll. auto begins with ws and goes on with what gets through." default:"auto" enum:"auto,ws,websocket,sse,http-stream,long-poll,poll"`
	Cursor     string `help:"Where to begin, NAME@POS,NAME@POS. Default: now." placeholder:"CURSOR"`
	CursorFile string `help:"Go on behind what was printed the last time with this file, and keep it up to date. Beats --cursor." placeholder:"FILE"`
	Save       string `help:"Save the streams that messages tell of into this folder." placeholder:"DIR"`
	Count      int    `help:"End after so many messages. Default: never." placeholder:"N"`
	Client     string `help:"Name of this client, kept over reconnects." placeholder:"NAME"`
	URL        string `help:"The server." default:"http://127.0.0.1:8080" env:"WSBRIDGE_URL"`
	Token      string `help:"Token of a client. Default: none, as anyone." env:"WSBRIDGE_TOKEN" placeholder:"JWT"`
}

// maxListened bounds the channels of a cursor, as the server does.
const maxListened = wire.MaxChannels

// Run prints each message as the object that it is on every transport, and on standard error
// what else there is to know.
func (c *listenCommand) Run(t *terminal) error {
	options, err := connecting(c.Client, c.Token, c.Transport)
	if err != nil {
		return err
	}
	cursor, err := pubsub.ParseCursor(c.Cursor, maxListened)
	if err != nil {
		return err
	}
	var file *cursorFile
	if c.CursorFile != "" {
		file = newCursorFile(c.CursorFile)
		kept, err := file.read()
		if err != nil {
			return err
		}
		cursor = beat(cursor, kept)
	}
	if cursor, err = c.begin(cursor); err != nil {
		return err
	}
	var begun atomic.Bool
	notes := newNotes(t.err)
	options.OnState = func(s client.State) {
		if begun.Load() || s.Status == client.Waiting {
			notes.state(s)
		}
	}
	listener, err := client.New(c.URL, options)
	if err != nil {
		return err
	}
	defer listener.Close()
	sub, err := listener.SubscribeAll(t.ctx, cursor)
	if err != nil {
		return err
	}
	var saver *saver
	if c.Save != "" {
		if saver, err = newSaver(c.Save, listener, notes); err != nil {
			return err
		}
		defer saver.wait()
	}
	begun.Store(true)
	notes.state(listener.State())
	err = c.print(t, notes, sub, saver, file)
	if file != nil {
		err = errors.Join(err, file.write(sub.Cursor()))
	}
	return err
}

// connecting returns the options of a client that a user describes.
func connecting(name, token, transport string) (client.Options, error) {
	o := client.Options{ClientID: name}
	if token != "" {
		o.Token = client.FixedToken(token)
	}
	if transport != "auto" {
		only, err := raw.ParseTransport(transport)
		if err != nil {
			return o, err
		}
		o.Transports = []client.Transport{only}
	}
	return o, nil
}

// begin returns where to begin: the channels decide what is listened to, also where the cursor
// knows of more.
func (c *listenCommand) begin(cursor pubsub.Cursor) (pubsub.Cursor, error) {
	if len(c.Channels) == 0 {
		return cursor, nil
	}
	var begin pubsub.Cursor
	for _, name := range c.Channels {
		channel, err := pubsub.ParseChannel(name)
		if err != nil {
			return nil, err
		}
		start, _ := cursor.Find(channel)
		begin = append(begin, pubsub.Mark{Channel: channel, Start: start})
	}
	return begin, nil
}

// print prints what comes. Where the subscription stands is written to the file once it was
// printed.
func (c *listenCommand) print(t *terminal, notes *notes, sub *client.Subscription, saver *saver, file *cursorFile) error {
	for printed := 0; ; {
		e, err := next(t.ctx, sub, file)
		switch {
		case err != nil:
			return err
		case e.Gap != nil:
			notes.say("gap in %s: %s, from %s to %s", e.Gap.Channel, e.Gap.Reason, e.Gap.From, e.Gap.To)
		default:
			if _, err := t.out.Write(append(wire.AppendMessage(nil, e.Message), '\n')); err != nil {
				return err
			}
			if saver != nil {
				saver.save(t.ctx, e.Message)
			}
			if printed++; printed == c.Count {
				return nil
			}
		}
	}
}

// next waits for an event. When it is time the file is written, behind what was printed.
func next(ctx context.Context, sub *client.Subscription, file *cursorFile) (client.Event, error) {
	if file == nil {
		return sub.Next(ctx)
	}
	printed := sub.Cursor()
	for {
		due := file.due(printed)
		if !time.Now().Before(due) {
			if err := file.write(printed); err != nil {
				return client.Event{}, err
			}
			continue
		}
		waiting, cancel := context.WithDeadline(ctx, due)
		e, err := sub.Next(waiting)
		cancel()
		if err == nil || waiting.Err() == nil || ctx.Err() != nil {
			return e, err
		}
	}
}
