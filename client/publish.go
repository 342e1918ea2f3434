package client

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A Publication is a message to publish. One of Event and Data is needed.
type Publication struct {
	Event string

	// Data is sent as bytes if it is a []byte, as it is if it is a json.RawMessage, and
	// otherwise as encoding/json encodes it. nil is no data; json.RawMessage("null") is null.
	Data any

	Meta map[string]string // up to 16 strings, 4 KiB

	// Key makes repeats publish once, 1 to 255 visible ASCII characters. Default: a random
	// one, which makes the repeats of this call publish once.
	Key string
}

// A Receipt says where a publication stands.
type Receipt struct {
	ID        string
	Pos       pubsub.Position
	Duplicate bool // the key was known: ID and Pos are those of the first time
}

// Publish publishes one message: as a backend with [Options.APIKey], otherwise as a client. It
// repeats what failed and may succeed, for [Options.Patience], always under one key. The error
// is a [*Refused], that of ctx, or the last that a repeat met: then the message may have been
// published, unless that is a Refused whose Code is unavailable.
func (c *Client) Publish(ctx context.Context, channel pubsub.Channel, p Publication) (Receipt, error) {
	data, err := encode(p.Data)
	if err != nil {
		return Receipt{}, err
	}
	if p.Key == "" {
		p.Key = rand.Text()
	}
	send := c.publishAsClient
	if c.options.Backend {
		send = c.publishAsBackend
	}
	var r Receipt
	err = c.insist(ctx, func(ctx context.Context) (err error) {
		r, err = send(ctx, channel, &p, data)
		return err
	})
	return r, err
}

func encode(v any) (pubsub.Data, error) {
	switch v := v.(type) {
	case nil:
		return pubsub.Data{}, nil
	case []byte:
		return pubsub.Data{Kind: pubsub.Binary, Bytes: v}, nil
	case json.RawMessage:
		if !json.Valid(v) {
			return pubsub.Data{}, fmt.Errorf("client: the data is no JSON: %.40q", []byte(v))
		}
		return pubsub.Data{Kind: pubsub.JSON, Bytes: v}, nil
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return pubsub.Data{}, fmt.Errorf("client: the data cannot be encoded: %w", err)
	}
	return pubsub.Data{Kind: pubsub.JSON, Bytes: bytes.TrimSpace(text.Bytes())}, nil
}

// An item is a message in a batch, which carries all kinds of them exactly: headers, where
// a single message has its meta, take neither every text nor the case of names.
type item struct {
	Channel pubsub.Channel    `json:"channel"`
	Event   string            `json:"event,omitempty"`
	Data    json.RawMessage   `json:"data,omitempty"`
	Binary  *[]byte           `json:"data_base64,omitempty"`
	Meta    map[string]string `json:"meta,omitempty"`
	Key     string            `json:"idempotency_key"`
}

func (c *Client) publishAsBackend(ctx context.Context, channel pubsub.Channel, p *Publication, data pubsub.Data) (Receipt, error) {
	i := item{Channel: channel, Event: p.Event, Meta: p.Meta, Key: p.Key}
	switch data.Kind {
	case pubsub.JSON:
		i.Data = data.Bytes
	case pubsub.Binary:
		i.Binary = &data.Bytes
	}
	var batch bytes.Buffer
	enc := json.NewEncoder(&batch)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string][]item{"messages": {i}}); err != nil {
		return Receipt{}, fmt.Errorf("client: the message cannot be encoded: %w", err)
	}
	body, err := c.ask(ctx, func(string) raw.Question {
		return posting("/v1/messages", "application/json", batch.Bytes())
	})
	if err != nil {
		return Receipt{}, err
	}
	var answer struct {
		Results []struct {
			ID        string
			Pos       string
			Duplicate bool
			Error     *struct {
				Status                int
				Code, Detail, Channel string
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Results) != 1 {
		return Receipt{}, &Violation{Detail: fmt.Sprintf("the answer to a publish: %d results, %v", len(answer.Results), err)}
	}
	r := answer.Results[0]
	if e := r.Error; e != nil {
		return Receipt{}, &Refused{Status: e.Status, Code: e.Code, Detail: e.Detail, Channel: e.Channel}
	}
	pos, err := pubsub.ParsePosition(r.Pos)
	if err != nil || r.ID == "" {
		return Receipt{}, &Violation{Detail: fmt.Sprintf("the answer to a publish has id %.40q and pos %.40q", r.ID, r.Pos)}
	}
	return Receipt{r.ID, pos, r.Duplicate}, nil
}

func (c *Client) publishAsClient(ctx context.Context, channel pubsub.Channel, p *Publication, data pubsub.Data) (Receipt, error) {
	e, err := c.command(ctx, wire.Command{
		Type: wire.Publish, Channel: channel, Event: p.Event, Data: data, Meta: p.Meta, Key: p.Key,
	})
	switch {
	case err != nil:
		return Receipt{}, err
	case e.ID == "" || e.Pos.IsZero():
		return Receipt{}, &Violation{Detail: "a publish was answered without id or position"}
	}
	return Receipt{e.ID, e.Pos, e.Duplicate}, nil
}

// command sends one command by POST, which any instance takes.
func (c *Client) command(ctx context.Context, command wire.Command) (raw.Event, error) {
	body, err := c.ask(ctx, func(token string) raw.Question {
		command.Ref, command.Token, command.Client = "1", token, c.options.ClientID
		return posting("/v1/send", "text/plain;charset=UTF-8", wire.AppendCommand(nil, &command))
	})
	if err != nil {
		return raw.Event{}, err
	}
	e, err := wire.ParseEvent(body)
	switch {
	case err != nil:
		return e, &Violation{Detail: fmt.Sprintf("the answer to %s: %v", command.Type, err)}
	case e.Type != wire.EventOK:
		return e, &Violation{Detail: fmt.Sprintf("%s was answered with %.40q", command.Type, e.Type)}
	}
	return e, nil
}

func posting(path, contentType string, body []byte) raw.Question {
	return raw.Question{
		Method: http.MethodPost, Path: path,
		Header: http.Header{"Content-Type": {contentType}}, Body: bytes.NewReader(body),
	}
}
