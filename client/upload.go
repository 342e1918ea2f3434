package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

// An Upload says what a stream is. The zero value works.
type Upload struct {
	Name  string            // of the file, up to 255 bytes; default: none
	Type  string            // media type; default: application/octet-stream
	Size  int64             // in bytes; default: not known
	Event string            // of the messages that tell of its beginning and end
	Meta  map[string]string // of the beginning; names are lower case

	// Progress is told how many bytes were handed over so far, by the goroutine that sends.
	// Default: nobody is.
	Progress func(sent int64)
}

// A Sent stream was relayed to its end.
type Sent struct {
	Stream string  // its id
	End    Receipt // of the message that tells of its end
	Size   int64
}

// SendStream sends everything that r has, as it comes: nothing of it is held here, and the
// server holds no more than a window. It is sent as fast as its readers take it, but waits for
// none of them longer than 5 s. It is sent once, since a stream cannot be repeated: after an
// error, whoever reads it is told that it was cut. A Read of r that is under way when SendStream
// returns goes on until it returns.
func (c *Client) SendStream(ctx context.Context, channel pubsub.Channel, u Upload, r io.Reader) (Sent, error) {
	if _, err := pubsub.ParseChannel(string(channel)); err != nil {
		return Sent{}, err
	}
	o, err := c.signed(ctx)
	if err != nil {
		return Sent{}, err
	}
	body := &counted{r: r, progress: u.Progress}
	answer, err := raw.Ask(ctx, o, u.question(c, channel, body))
	if err != nil {
		if failed := body.failure(); failed != nil {
			return Sent{}, failed
		}
		return Sent{}, err
	}
	var a struct {
		Stream, ID, Pos, State string
		Size                   int64
	}
	err = json.Unmarshal(answer, &a)
	pos, bad := pubsub.ParsePosition(a.Pos)
	if err != nil || bad != nil || a.State != "complete" {
		return Sent{}, &Violation{Detail: fmt.Sprintf("the answer to a stream: %v, state %.40q, pos %.40q", err, a.State, a.Pos)}
	}
	return Sent{a.Stream, Receipt{ID: a.ID, Pos: pos}, a.Size}, nil
}

func (u *Upload) question(c *Client, channel pubsub.Channel, body io.Reader) raw.Question {
	q := raw.Question{
		Method: http.MethodPost, Path: "/v1/channels/" + string(channel) + "/streams",
		Query: url.Values{}, Header: http.Header{}, Body: body, Size: u.Size,
	}
	for name, value := range map[string]string{"name": u.Name, "event": u.Event} {
		if value != "" {
			q.Query.Set(name, value)
		}
	}
	if !c.options.Backend {
		q.Query.Set("client", c.options.ClientID)
	}
	if u.Type != "" {
		q.Header.Set("Content-Type", u.Type)
	}
	for name, value := range u.Meta {
		q.Header.Set("Wsbridge-Meta-"+name, value)
	}
	return q
}

// signed returns the options of a request that shows who asks.
func (c *Client) signed(ctx context.Context) (o raw.Options, err error) {
	o = c.raw
	if c.options.Backend {
		o.APIKey = c.options.APIKey
		return o, nil
	}
	o.Token, _, err = c.tokens.get(ctx, "")
	return o, err
}

// counted tells how much was read. What goes wrong with r is of more use than what the
// connection says of it.
type counted struct {
	r        io.Reader
	progress func(int64)

	mu  sync.Mutex // guards what follows: a request may end while its body is being read
	n   int64
	err error // of r
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.mu.Lock()
	c.n += int64(n)
	sent := c.n
	if err != nil && err != io.EOF {
		c.err = err
	}
	c.mu.Unlock()
	if c.progress != nil && n > 0 {
		c.progress(sent)
	}
	return n, err
}

func (c *counted) failure() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}
