package main

import (
	"encoding/json"
	"errors"
	"io"
	"time"
	"unicode/utf8"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/pubsub"
)

type publishCommand struct {
	Channel string `arg:"" help:"The channel."`
	Data    string `arg:"" optional:"" help:"The data: JSON, or any other text. Default: read from standard input, unless there is --event."`

	Event          string            `help:"Name of the event."`
	Meta           map[string]string `help:"Texts beside the data, NAME=VALUE." placeholder:"NAME=VALUE" mapsep:"none"`
	IdempotencyKey string            `help:"Repeats with this key publish once. Default: a random one."`
	Text           bool              `help:"Publish the data as a text even if it is JSON." xor:"kind"`
	Binary         bool              `help:"Publish the data as bytes." xor:"kind"`
	ContentType    string            `help:"Type of the bytes, which is put into meta, or of the stream. Default of a stream: by the file's name." placeholder:"TYPE"`

	Stream string `help:"Send a file of any length while it is read, instead of data; - for standard input." placeholder:"FILE"`
	Name   string `help:"Name of the stream. Default: that of the file." placeholder:"NAME"`

	URL     string        `help:"The server." default:"http://127.0.0.1:8080" env:"WSBRIDGE_URL"`
	APIKey  string        `help:"API key, to publish as a backend." env:"WSBRIDGE_API_KEY" placeholder:"KEY" name:"api-key"`
	Token   string        `help:"Token, to publish as a client." env:"WSBRIDGE_TOKEN" placeholder:"JWT"`
	Timeout time.Duration `help:"How long to go on trying." default:"30s"`
}

// maxInput bounds what is read from standard input, in bytes: the largest message there can be.
const maxInput = 64 << 20

func (c *publishCommand) Run(t *terminal) error {
	channel, err := pubsub.ParseChannel(c.Channel)
	if err != nil {
		return err
	}
	var data any
	switch {
	case c.Stream == "":
		if data, err = c.data(t); err != nil {
			return err
		}
	case c.Data != "" || c.IdempotencyKey != "" || c.Text || c.Binary:
		return errors.New("either data or --stream: a stream takes no data, --idempotency-key, --text or --binary")
	}
	if c.Stream == "" && c.ContentType != "" {
		if c.Meta == nil {
			c.Meta = make(map[string]string)
		}
		c.Meta["content-type"] = c.ContentType
	}
	options := client.Options{
		APIKey: c.APIKey, Backend: c.Token == "", Patience: c.Timeout, OnRetry: newNotes(t.err).retried,
	}
	if c.Token != "" {
		options.Token = client.FixedToken(c.Token)
	}
	publisher, err := client.New(c.URL, options)
	if err != nil {
		return err
	}
	defer publisher.Close()
	if c.Stream != "" {
		return c.sendStream(t, channel, publisher)
	}
	receipt, err := publisher.Publish(t.ctx, channel, client.Publication{Event: c.Event, Data: data, Meta: c.Meta, Key: c.IdempotencyKey})
	if err != nil {
		return err
	}
	return json.NewEncoder(t.out).Encode(struct {
		ID        string `json:"id"`
		Channel   string `json:"channel"`
		Pos       string `json:"pos"`
		Duplicate bool   `json:"duplicate"`
	}{receipt.ID, c.Channel, receipt.Pos.String(), receipt.Duplicate})
}

// data returns what client.Publication takes.
func (c *publishCommand) data(t *terminal) (any, error) {
	text := []byte(c.Data)
	if c.Data == "" {
		if c.Event != "" && !c.Text && !c.Binary {
			return nil, nil
		}
		var err error
		if text, err = io.ReadAll(io.LimitReader(t.in, maxInput+1)); err != nil {
			return nil, err
		}
		if len(text) > maxInput {
			return nil, errors.New("standard input has more than a message can hold")
		}
	}
	switch {
	case c.Binary:
		return text, nil
	case !utf8.Valid(text):
		return nil, errors.New("the data is not UTF-8; publish it with --binary")
	case c.Text || !json.Valid(text):
		return string(text), nil
	}
	return json.RawMessage(text), nil
}
