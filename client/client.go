package client

import (
	"context"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A Client is connected while it has subscriptions. Its methods may be called at once from any
// goroutine.
type Client struct {
	options Options
	raw     raw.Options // of everything that is asked of the server
	tokens  *tokens
	idle    func() // lets go of idle connections
	session *session
}

// New returns a client of the server at a URL, http or https (ws and wss mean the same). A path
// is a prefix of the server's own paths, a query goes onto every request. New does no I/O; the
// error is about the URL.
func New(url string, o Options) (*Client, error) {
	o = o.withDefaults()
	c := &Client{options: o, tokens: newTokens(o.Token), idle: func() {}}
	httpClient := o.HTTPClient
	if httpClient == nil {
		httpClient = raw.NewHTTPClient()
		c.idle = httpClient.CloseIdleConnections
	}
	c.raw = raw.Options{
		URL: url, ClientID: o.ClientID, Interval: o.Interval, MaxEvent: o.MaxEvent,
		HTTPClient: httpClient, Unchecked: true,
	}
	if err := c.raw.Check(); err != nil {
		return nil, err
	}
	c.session = newSession(c)
	go c.session.run()
	return c, nil
}

// Subscribe gives every message of a channel that is published after it returned. It waits
// until the server has confirmed that, over as many connections as it takes. The error is that
// of ctx, [ErrSubscribed], [ErrClosed], or a [*Refused].
func (c *Client) Subscribe(ctx context.Context, channel pubsub.Channel) (*Subscription, error) {
	return c.SubscribeAll(ctx, pubsub.Cursor{{Channel: channel}})
}

// SubscribeFrom gives what is behind a position as well, or a [Gap] if that cannot be had. The
// zero Position stands in front of the oldest message that is kept.
func (c *Client) SubscribeFrom(ctx context.Context, channel pubsub.Channel, p pubsub.Position) (*Subscription, error) {
	return c.SubscribeAll(ctx, pubsub.Cursor{{Channel: channel, Start: pubsub.Behind(p)}})
}

// SubscribeAll subscribes to several channels in one, each from where the cursor says. Without
// any it subscribes to those of the token, which is possible while there are no subscriptions.
func (c *Client) SubscribeAll(ctx context.Context, cursor pubsub.Cursor) (*Subscription, error) {
	for _, mark := range cursor {
		if _, err := pubsub.ParseChannel(string(mark.Channel)); err != nil {
			return nil, err
		}
	}
	sub := newSubscription(c, cursor)
	confirmed := make(chan error, 1)
	if err := c.session.do(func(s *session) { s.subscribe(sub, cursor, confirmed) }); err != nil {
		return nil, err
	}
	select {
	case err := <-confirmed:
		if err != nil {
			return nil, err
		}
		return sub, nil
	case <-ctx.Done():
		sub.Close()
		return nil, ctx.Err()
	}
}

// State returns how the connection is at the moment.
func (c *Client) State() State {
	c.session.stateMu.Lock()
	defer c.session.stateMu.Unlock()
	return c.session.state
}

// Close ends all subscriptions, says goodbye to the server, and waits for all goroutines.
func (c *Client) Close() error {
	c.session.stop()
	<-c.session.done
	c.idle()
	return nil
}

// ask sends a question once, with the token that is good at the moment.
func (c *Client) ask(ctx context.Context, q func(token string) raw.Question) ([]byte, error) {
	o, token := c.raw, ""
	if c.options.Backend {
		o.APIKey = c.options.APIKey
	} else {
		var err error
		if token, _, err = c.tokens.get(ctx, ""); err != nil {
			return nil, err
		}
	}
	body, err := raw.Ask(ctx, o, q(token))
	if expired(err) && !c.options.Backend && c.tokens.ask != nil {
		if token, _, err = c.tokens.get(ctx, token); err != nil {
			return nil, err
		}
		body, err = raw.Ask(ctx, o, q(token))
	}
	return body, err
}
