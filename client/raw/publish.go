package raw

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A Publication is a message to publish. One of Event and Data is needed.
type Publication struct {
	Channel pubsub.Channel
	Event   string
	Data    pubsub.Data
	Meta    map[string]string

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

// Publish publishes one message: as a backend, or, when o has a Token and no APIKey, as a
// client. It repeats what failed and may succeed, for o.Patience, always under one key. The
// error is a [*Refused], the context's, or the last that a repeat met.
func Publish(ctx context.Context, o Options, p Publication) (Receipt, error) {
	o = o.withDefaults()
	if p.Key == "" {
		p.Key = rand.Text()
	}
	httpClient, done := o.http()
	defer done()
	d := &dialing{&o, httpClient, nil}
	send := d.publishAsBackend
	if o.Token != "" && o.APIKey == "" {
		send = d.publishAsClient
	}
	var wait backoff
	deadline := time.Now().Add(o.Patience)
	for {
		r, err := d.try(ctx, deadline, &p, send)
		if err == nil || ctx.Err() != nil {
			return r, err
		}
		after, final := wait.after(err, 0)
		if final || time.Now().Add(after).After(deadline) {
			return Receipt{}, err
		}
		o.OnRetry(err, after)
		if err := sleep(ctx, after); err != nil {
			return Receipt{}, err
		}
	}
}

// attempt bounds one try: the server answers within 5 s whatever its broker does.
const attempt = 15 * time.Second

func (d *dialing) try(ctx context.Context, deadline time.Time, p *Publication, send func(context.Context, *Publication) (Receipt, error)) (Receipt, error) {
	trying, cancel := context.WithTimeout(ctx, min(attempt, max(time.Second, time.Until(deadline))))
	defer cancel()
	r, err := send(trying, p)
	if err != nil && ctx.Err() != nil {
		err = ctx.Err()
	}
	return r, err
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

func (d *dialing) publishAsBackend(ctx context.Context, p *Publication) (Receipt, error) {
	i := item{Channel: p.Channel, Event: p.Event, Meta: p.Meta, Key: p.Key}
	switch p.Data.Kind {
	case pubsub.JSON:
		i.Data = p.Data.Bytes
	case pubsub.Binary:
		i.Binary = &p.Data.Bytes
	}
	var batch bytes.Buffer
	enc := json.NewEncoder(&batch)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(map[string][]item{"messages": {i}}); err != nil {
		return Receipt{}, fmt.Errorf("client: the message is no JSON: %w", err)
	}
	body, err := d.post(ctx, "/v1/messages", "application/json", batch.Bytes())
	if err != nil {
		return Receipt{}, err
	}
	var answer struct {
		Results []struct {
			ID        string
			Pos       string
			Duplicate bool
			Error     *struct {
				Status       int
				Code, Detail string
			}
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Results) != 1 {
		return Receipt{}, violation("the answer to a publish: %d results, %v", len(answer.Results), err)
	}
	r := answer.Results[0]
	if r.Error != nil {
		return Receipt{}, &Refused{Status: r.Error.Status, Code: r.Error.Code, Detail: r.Error.Detail}
	}
	pos, err := pubsub.ParsePosition(r.Pos)
	if err != nil || r.ID == "" {
		return Receipt{}, violation("the answer to a publish has id %.40q and pos %.40q", r.ID, r.Pos)
	}
	return Receipt{r.ID, pos, r.Duplicate}, nil
}

func (d *dialing) publishAsClient(ctx context.Context, p *Publication) (Receipt, error) {
	body, err := d.post(ctx, "/v1/send", "text/plain;charset=UTF-8", wire.AppendCommand(nil, &wire.Command{
		Type: wire.Publish, Ref: "1", Token: d.Token,
		Channel: p.Channel, Event: p.Event, Data: p.Data, Meta: p.Meta, Key: p.Key,
	}))
	if err != nil {
		return Receipt{}, err
	}
	e, err := wire.ParseEvent(body)
	switch {
	case err != nil:
		return Receipt{}, violation("the answer to a publish: %v", err)
	case e.Type == Failed:
		return Receipt{}, &Refused{Status: http.StatusOK, Code: e.Code, Detail: e.Detail}
	case e.Type != wire.EventOK || e.ID == "" || e.Pos.IsZero():
		return Receipt{}, violation("a publish was answered with %.40q", e.Type)
	}
	return Receipt{e.ID, e.Pos, e.Duplicate}, nil
}

// maxReceipt bounds the answer to a publish, in bytes.
const maxReceipt = 64 << 10

// post sends a body and reads the whole answer.
func (d *dialing) post(ctx context.Context, path, contentType string, body []byte) ([]byte, error) {
	u, err := d.endpoint(path, false)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	if d.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+d.APIKey)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, broken(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, refused(resp)
	}
	if got := mediaType(resp.Header); got != "application/json" {
		return nil, violation("%s answers with the type %q, not application/json", path, got)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxReceipt))
	if err != nil {
		return nil, broken(err)
	}
	return answer, nil
}
