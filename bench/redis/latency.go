package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/bench/internal/process"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/websocket"
)

// Messages are sent at this rate, by so many senders in turn, each to a channel of its own.
const (
	messageRate = 1000
	senders     = 8
)

// mark stands around the number of a message in its payload.
const mark = "@"

// A path is one way from a publisher to a subscriber.
type path struct {
	name    string
	send    func(ctx context.Context, sender int, data []byte) error
	receive func() ([]byte, error) // called by one goroutine; what it returns is good until the next call
	close   func() error           // ends receive

	begun time.Time
	sent  []atomic.Int64 // nanoseconds after begun at which each message of the slice was sent

	// Owned by listen until all messages of the slice have arrived.
	took    []time.Duration
	missing sync.WaitGroup
}

// delays prints how long messages take, and returns how many times as long as over the smallest
// relay. The bare pair begins where its publisher calls PUBLISH, so what it is compared with
// begins where an instance calls Broker.Publish. A request to the instance, which is one more
// connection to cross, stands beside it.
func (b *bench) delays(ctx context.Context, w io.Writer, p plan) (ratio float64, err error) {
	fmt.Fprintf(w, "Time from publisher to subscriber: %d bytes, %d messages a second, in turns of %v\n\n", payloadSize, messageRate, p.slice)
	server, client, err := b.redis(ctx)
	if err != nil {
		return 0, err
	}
	defer server.End()
	defer client.Close()
	var instances [2]*process.Process
	for i := range instances {
		if instances[i], err = b.instance(ctx, server.Addr); err != nil {
			return 0, err
		}
		defer instances[i].End()
	}
	broker, err := startBroker(ctx, server.Addr)
	if err != nil {
		return 0, err
	}
	defer broker.Close()

	bare, err := barePath(ctx, client)
	if err != nil {
		return 0, err
	}
	direct, err := directPath(ctx, broker, instances[1].Addr)
	if err != nil {
		return 0, err
	}
	relayed, err := b.relayPath(ctx, client, server.Addr)
	if err != nil {
		return 0, err
	}
	posted, err := postedPath(ctx, instances[0].Addr, instances[1].Addr)
	if err != nil {
		return 0, err
	}
	paths := []*path{bare, relayed, direct, posted}
	failed := make(chan error, len(paths))
	var listening sync.WaitGroup
	defer listening.Wait()
	for _, path := range paths {
		listening.Go(func() { failed <- path.listen() })
		defer path.close()
	}
	for i := range p.slices + 1 {
		for _, path := range paths {
			if err := path.measure(ctx, p.slice, failed); err != nil {
				return 0, fmt.Errorf("%s: %w", path.name, err)
			}
			if i == 0 {
				path.took = nil // nothing is warm yet
			}
		}
	}
	fmt.Fprintf(w, "| from, to | p50 | p99 | p50, times the bare pair's | p50, times the relay's |\n| --- | ---: | ---: | ---: | ---: |\n")
	times := func(path, other *path) float64 {
		return float64(percentile(path.took, 0.5)) / float64(percentile(other.took, 0.5))
	}
	for _, path := range paths {
		fmt.Fprintf(w, "| %s | %d µs | %d µs | %.2f | %.2f |\n", path.name,
			percentile(path.took, 0.5).Microseconds(), percentile(path.took, 0.99).Microseconds(), times(path, bare), times(path, relayed))
	}
	return times(direct, relayed), nil
}

// measure sends messages for the length of a slice, and waits for all of them.
func (p *path) measure(ctx context.Context, slice time.Duration, failed <-chan error) error {
	n := int(slice.Seconds() * messageRate)
	p.sent, p.begun = make([]atomic.Int64, n), time.Now()
	p.missing.Add(n)
	done := make(chan error, senders)
	for s := range senders {
		go func() { done <- p.sendEvery(ctx, s) }()
	}
	var errs []error
	for range senders {
		errs = append(errs, <-done)
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	arrived := make(chan struct{})
	go func() {
		p.missing.Wait()
		close(arrived)
	}()
	select {
	case <-arrived:
		return nil
	case err := <-failed:
		return err
	case <-time.After(30 * time.Second):
		return errors.New("messages are missing")
	}
}

// sendEvery sends the messages of one sender, each at its time.
func (p *path) sendEvery(ctx context.Context, sender int) error {
	for n := sender; n < len(p.sent); n += senders {
		time.Sleep(time.Until(p.begun.Add(time.Duration(n) * time.Second / messageRate)))
		number := mark + strconv.Itoa(n) + mark
		data := []byte(`"` + number + strings.Repeat("x", payloadSize-2-len(number)) + `"`)
		p.sent[n].Store(int64(time.Since(p.begun)))
		if err := p.send(ctx, sender, data); err != nil {
			return err
		}
	}
	return nil
}

// listen notes when messages arrive, until the path is closed.
func (p *path) listen() error {
	for {
		message, err := p.receive()
		at := time.Since(p.begun)
		if err != nil {
			return err
		}
		_, rest, _ := bytes.Cut(message, []byte(mark))
		number, _, ok := bytes.Cut(rest, []byte(mark))
		if n, err := strconv.Atoi(string(number)); ok && err == nil && n < len(p.sent) {
			p.took = append(p.took, at-time.Duration(p.sent[n].Load()))
			p.missing.Done()
		}
	}
}

func names(prefix string) (all []string) {
	for s := range senders {
		all = append(all, prefix+strconv.Itoa(s))
	}
	return all
}

// barePath is Redis alone: the fastest that go-redis can be.
func barePath(ctx context.Context, client *redis.Client) (*path, error) {
	topics := names("bare:")
	subscription := client.Subscribe(ctx, topics...)
	for range topics {
		if _, err := subscription.Receive(ctx); err != nil {
			return nil, err
		}
	}
	return &path{
		name: "PUBLISH, SUBSCRIBE of go-redis",
		send: func(ctx context.Context, sender int, data []byte) error {
			return client.Publish(ctx, topics[sender], data).Err()
		},
		receive: func() ([]byte, error) {
			m, err := subscription.ReceiveMessage(context.Background())
			if err != nil {
				return nil, err
			}
			return []byte(m.Payload), nil
		},
		close: subscription.Close,
	}, nil
}

// directPath begins in front of Broker.Publish, with this process as the instance, and ends at
// a WebSocket of another.
func directPath(ctx context.Context, broker pubsub.Broker, to string) (*path, error) {
	channels := names("direct:")
	conn, err := subscribe(ctx, to, channels)
	if err != nil {
		return nil, err
	}
	return &path{
		name: "`Broker.Publish`, WebSocket of an instance",
		send: func(ctx context.Context, sender int, data []byte) error {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			_, err = broker.Publish(ctx, pubsub.Publication{Channel: pubsub.Channel(channels[sender]), ID: id, Data: pubsub.Data{Kind: pubsub.JSON, Bytes: data}})
			return err
		},
		receive: receiver(conn),
		close:   conn.CloseNow,
	}, nil
}

// postedPath begins in front of the request to an instance.
func postedPath(ctx context.Context, from, to string) (*path, error) {
	channels := names("posted:")
	conn, err := subscribe(ctx, to, channels)
	if err != nil {
		return nil, err
	}
	var posters [senders]*poster
	for i := range posters {
		if posters[i], err = dialPoster(ctx, from); err != nil {
			return nil, err
		}
	}
	return &path{
		name: "POST to an instance, WebSocket of another",
		send: func(ctx context.Context, sender int, data []byte) error {
			return posters[sender].post(request("/v1/channels/"+channels[sender]+"/messages", data), http.StatusCreated)
		},
		receive: receiver(conn),
		close:   conn.CloseNow,
	}, nil
}

// receiver reads messages of one connection.
func receiver(conn *websocket.Conn) func() ([]byte, error) {
	var buf []byte
	return func() ([]byte, error) {
		_, message, err := conn.ReadMessage(context.Background(), buf)
		buf = message
		return message, err
	}
}

// subscribe connects to an instance. It returns once all channels are subscribed to.
func subscribe(ctx context.Context, addr string, channels []string) (*websocket.Conn, error) {
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/v1/ws?channels="+strings.Join(channels, ","), nil)
	if err != nil {
		return nil, err
	}
	for waiting := len(channels); waiting > 0; {
		_, message, err := conn.ReadMessage(ctx, nil)
		if err != nil {
			return nil, err
		}
		if bytes.Contains(message, []byte(`"type":"subscribed"`)) {
			waiting--
		}
	}
	return conn, nil
}
