package chaos

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/test/chaos/ledger"
)

// A publisher is a backend behind the load balancer: it sends one request after the other,
// and does not send the next before it knows what became of the last.
type publisher struct {
	run    *run
	name   string
	url    string // of the load balancer, or of an instance
	rng    *rand.Rand
	client http.Client
	n      int // publications so far
}

const (
	// attempt is longer than a server may take.
	attempt = 10 * time.Second

	// persistence is how long a publisher repeats a request. A server knows its key for longer.
	persistence = 2 * time.Minute
)

func (r *run) publisher(name string) *publisher {
	return &publisher{run: r, name: name, url: r.balancer.url, rng: r.random(name), client: http.Client{
		Timeout:   attempt,
		Transport: &http.Transport{MaxIdleConnsPerHost: 1},
	}}
}

type publication struct {
	ledger.Content
	channel pubsub.Channel
	data    pubsub.Data
	key     string
}

// next notes a new publication.
func (p *publisher) next(c pubsub.Channel) *publication {
	p.n++
	tag := ledger.Tag{Publisher: p.name, N: p.n}
	data := payload(p.rng, tag)
	m := &publication{contentOf(data), c, data, "chaos-" + p.name + "-" + strconv.Itoa(p.n)}
	p.run.ledger.Sent(c, m.Content, time.Now())
	return m
}

// pause spreads what a publisher sends.
func (p *publisher) pause(ctx context.Context, most time.Duration) {
	sleep(ctx, draw(p.rng, most))
}

// singles sends messages one by one, each until it is acknowledged.
func (p *publisher) singles(ctx context.Context) {
	for ctx.Err() == nil {
		m := p.next(p.run.channel(p.rng))
		p.persist(func() bool { return p.send(m, m.key) == stored })
		p.pause(ctx, 8*time.Millisecond)
	}
}

// keyless sends each message once, whatever comes of it.
func (p *publisher) keyless(ctx context.Context) {
	for ctx.Err() == nil {
		p.send(p.next(p.run.channel(p.rng)), "")
		p.pause(ctx, 30*time.Millisecond)
	}
}

// burst sends so many messages by one request, and returns when all are acknowledged.
func (p *publisher) burst(n int) {
	var ms []*publication
	for range n {
		ms = append(ms, p.next(p.run.channel(p.rng)))
	}
	p.persist(func() bool {
		ms = p.sendBatch(ms)
		return len(ms) == 0
	})
}

// batches sends many messages at once, and repeats those that failed.
func (p *publisher) batches(ctx context.Context) {
	for ctx.Err() == nil {
		p.burst(1 + p.rng.IntN(60))
		rest := 100 * time.Millisecond
		if _, acknowledged := p.run.ledger.Counts(); acknowledged > enough {
			rest *= 5 // what goes on is long rather than much
		}
		p.pause(ctx, rest)
	}
}

// persist repeats until done reports true. A publisher that was told to stop still ends what
// it began.
func (p *publisher) persist(done func() bool) {
	for end := time.Now().Add(persistence); !done(); {
		if p.run.over.Err() != nil {
			return // the test has failed
		}
		if time.Now().After(end) {
			p.run.fail("%s repeated a request for %v in vain", p.name, persistence)
			return
		}
		p.pause(p.run.over, 300*time.Millisecond)
	}
}

// An outcome is what is known of a request.
type outcome bool

const (
	unknown outcome = false
	stored  outcome = true
)

// send publishes one message by a request of its own.
func (p *publisher) send(m *publication, key string) outcome {
	contentType := "application/json"
	if m.data.Kind == pubsub.Binary {
		contentType = "application/octet-stream"
	}
	status, body := p.post("/v1/channels/"+string(m.channel)+"/messages", contentType, key, m.data.Bytes)
	var receipt receipt
	switch {
	case status == 0 || status >= 500 || status == http.StatusTooManyRequests:
		return unknown
	case status != http.StatusOK && status != http.StatusCreated || json.Unmarshal(body, &receipt) != nil:
		p.run.fail("%s: %d %.200s", p.name, status, body)
		return unknown
	}
	return p.note(m, &receipt)
}

type receipt struct {
	ID, Pos string
	Error   *struct {
		Status int
		Code   string
	}
}

func (p *publisher) note(m *publication, r *receipt) outcome {
	id, err := uuid.Parse(r.ID)
	pos, err2 := pubsub.ParsePosition(r.Pos)
	if err != nil || err2 != nil {
		p.run.fail("%s: a receipt with id %q and pos %q", p.name, r.ID, r.Pos)
		return unknown
	}
	p.run.ledger.Acknowledged(m.Tag, id, pos, time.Now())
	return stored
}

type item struct {
	Channel pubsub.Channel  `json:"channel"`
	Data    json.RawMessage `json:"data,omitempty"`
	Binary  []byte          `json:"data_base64,omitempty"`
	Key     string          `json:"idempotency_key"`
}

// sendBatch publishes messages by one request, and returns those that are to be repeated.
func (p *publisher) sendBatch(ms []*publication) (again []*publication) {
	items := make([]item, len(ms))
	for i, m := range ms {
		items[i] = item{Channel: m.channel, Key: m.key}
		if m.data.Kind == pubsub.Binary {
			items[i].Binary = m.data.Bytes
		} else {
			items[i].Data = m.data.Bytes
		}
	}
	body, err := json.Marshal(map[string]any{"messages": items})
	if err != nil {
		panic(err)
	}
	status, body := p.post("/v1/messages", "application/json", "", body)
	var answer struct{ Results []receipt }
	switch {
	case status == 0 || status >= 500 || status == http.StatusTooManyRequests:
		return ms
	case status != http.StatusOK || json.Unmarshal(body, &answer) != nil || len(answer.Results) != len(ms):
		p.run.fail("%s: %d %.200s", p.name, status, body)
		return ms
	}
	for i, m := range ms {
		r := &answer.Results[i]
		if r.Error != nil && r.Error.Status < 500 {
			p.run.fail("%s: %d %s", p.name, r.Error.Status, r.Error.Code)
		}
		if r.Error != nil || p.note(m, r) != stored {
			again = append(again, m)
		}
	}
	return again
}

// post returns status 0 when no answer came.
func (p *publisher) post(path, contentType, key string, body []byte) (status int, answer []byte) {
	req, err := http.NewRequest(http.MethodPost, p.url+path, bytes.NewReader(body))
	if err != nil {
		panic(fmt.Sprint("a bad request: ", err))
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	req.Header.Set("Content-Type", contentType)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := p.client.Do(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	if answer, err = io.ReadAll(resp.Body); err != nil {
		return 0, nil
	}
	return resp.StatusCode, answer
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
