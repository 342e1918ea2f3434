package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A Range says which messages of a channel's history are wanted. The zero value is the newest
// ones.
type Range struct {
	Since  pubsub.Start    // those behind it, see [pubsub.Behind]; default: the newest
	Before pubsub.Position // instead of Since: those in front of the message there
	Limit  int             // up to 1,000; default 100. An answer may hold fewer
}

// A Page is a part of a channel's history, the oldest message first.
type Page struct {
	Messages []*Message
	Gaps     []Gap           // at most one, in front of the messages
	Pos      pubsub.Position // where the next page begins, by [Range.Since]

	// More tells that there is more in the direction of reading. Only backends are told.
	More bool
}

// History reads messages that are kept, with an API key or as a client that may. It repeats
// what failed and may succeed, for [Options.Patience].
func (c *Client) History(ctx context.Context, channel pubsub.Channel, r Range) (Page, error) {
	if _, err := pubsub.ParseChannel(string(channel)); err != nil {
		return Page{}, err
	}
	read := c.historyAsClient
	if c.options.Backend {
		read = c.historyAsBackend
	}
	var p Page
	err := c.insist(ctx, func(ctx context.Context) (err error) {
		p, err = read(ctx, channel, r)
		return err
	})
	return p, err
}

func (c *Client) historyAsBackend(ctx context.Context, channel pubsub.Channel, r Range) (Page, error) {
	q := url.Values{}
	if r.Since.Resume {
		q.Set("since", r.Since.Pos.String())
	}
	if !r.Before.IsZero() {
		q.Set("before", r.Before.String())
	}
	if r.Limit > 0 {
		q.Set("limit", strconv.Itoa(r.Limit))
	}
	body, err := c.ask(ctx, func(string) raw.Question {
		return raw.Question{Method: http.MethodGet, Path: "/v1/channels/" + string(channel) + "/messages", Query: q}
	})
	if err != nil {
		return Page{}, err
	}
	a, err := wire.ParseAnswer(body)
	if err != nil {
		return Page{}, &Violation{Detail: fmt.Sprintf("the answer of history: %v", err)}
	}
	at, _ := a.Cursor.Find(channel)
	return Page{a.Messages, a.Gaps, at.Pos, a.More}, nil
}

func (c *Client) historyAsClient(ctx context.Context, channel pubsub.Channel, r Range) (Page, error) {
	command := wire.Command{Type: wire.History, Channel: channel, Since: r.Since, Limit: r.Limit}
	if !r.Before.IsZero() {
		command.Before = pubsub.Behind(r.Before)
	}
	e, err := c.command(ctx, command)
	if err != nil {
		return Page{}, err
	}
	at, _ := e.Cursor.Find(channel)
	return Page{Messages: e.Messages, Gaps: e.Gaps, Pos: at.Pos}, nil
}
