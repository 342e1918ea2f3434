package pubsubtest

import (
	"context"
	"crypto/rand"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A Config is what a test of the suite asks of the broker it opens.
type Config struct {
	Retention   func(pubsub.Channel) pubsub.Retention // nil: pubsub.DefaultRetention
	PositionTTL time.Duration                         // 0: pubsub.DefaultPositionTTL
}

// Run holds a broker against the contract of [pubsub.Broker]. Each test opens its own,
// which the suite starts and closes.
func Run(t *testing.T, open func(t *testing.T, c Config) pubsub.Broker) {
	s := suite{open: open}
	for _, part := range []struct {
		name string
		run  func(suite, *testing.T)
	}{
		{"Publish", suite.publish},
		{"Retention", suite.retention},
		{"Resume", suite.resume},
		{"Page", suite.page},
		{"Follow", suite.follow},
		{"Idempotency", suite.idempotency},
		{"Batch", suite.batch},
		{"Purge", suite.purge},
		{"List", suite.list},
		{"PositionTTL", suite.positionTTL},
		{"Close", suite.close},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(s, t) })
	}
}

type suite struct {
	open func(t *testing.T, c Config) pubsub.Broker
}

// A fixture is one test's broker and channel.
type fixture struct {
	*testing.T
	pubsub.Broker
	ctx      context.Context
	recorder *Recorder
	channel  pubsub.Channel
	end      func() error // closes the broker, once
}

// start opens and starts a broker, which ends with the test.
func (s suite) start(t *testing.T, c Config) *fixture {
	t.Helper()
	f := &fixture{T: t, Broker: s.open(t, c), ctx: t.Context(), recorder: new(Recorder)}
	f.end = sync.OnceValue(f.Close)
	f.channel = pubsub.Channel("test:" + strings.ToLower(rand.Text()))
	if err := f.Start(f.ctx, f.recorder); err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() {
		if err := f.end(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return f
}

// keeping returns a Config that keeps that much of every channel.
func keeping(r pubsub.Retention) Config {
	return Config{Retention: func(pubsub.Channel) pubsub.Retention { return r }}
}

// NewPublication returns a publication with a new id, whose data is text as a JSON string.
func NewPublication(c pubsub.Channel, text string) pubsub.Publication {
	return pubsub.Publication{
		Channel: c,
		ID:      uuid.Must(uuid.NewV7()),
		Data:    pubsub.Data{Kind: pubsub.JSON, Bytes: strconv.AppendQuote(nil, text)},
	}
}

// all is a limit that no page of the suite reaches.
var all = pubsub.Limit{Messages: 1000}

// add publishes n messages and returns them.
func (f *fixture) add(n int) []*pubsub.Message {
	f.Helper()
	var messages []*pubsub.Message
	for i := range n {
		messages = append(messages, f.must(NewPublication(f.channel, strconv.Itoa(i))).Message)
	}
	return messages
}

// must publishes p.
func (f *fixture) must(p pubsub.Publication) pubsub.Receipt {
	f.Helper()
	receipt, err := f.Publish(f.ctx, p)
	if err != nil {
		f.Fatalf("Publish: %v", err)
	}
	return receipt
}

func (f *fixture) read(since pubsub.Position, limit pubsub.Limit) pubsub.Page {
	f.Helper()
	page, err := f.Read(f.ctx, f.channel, since, limit)
	if err != nil {
		f.Fatalf("Read(%s): %v", since, err)
	}
	return page
}

func (f *fixture) readBack(before pubsub.Position, limit pubsub.Limit) pubsub.Page {
	f.Helper()
	page, err := f.ReadBack(f.ctx, f.channel, before, limit)
	if err != nil {
		f.Fatalf("ReadBack(%s): %v", before, err)
	}
	return page
}

func (f *fixture) mustFollow() pubsub.Position {
	f.Helper()
	end, err := f.Follow(f.ctx, f.channel)
	if err != nil {
		f.Fatalf("Follow: %v", err)
	}
	return end
}

func (f *fixture) mustPurge() pubsub.Position {
	f.Helper()
	pos, err := f.Purge(f.ctx, f.channel)
	if err != nil {
		f.Fatalf("Purge: %v", err)
	}
	return pos
}

func (f *fixture) info() pubsub.Info {
	f.Helper()
	info, err := f.Info(f.ctx, f.channel)
	if err != nil {
		f.Fatalf("Info: %v", err)
	}
	return info
}

// await returns once the condition holds.
func (f *fixture) await(what string, condition func() bool) {
	f.Helper()
	for end := time.Now().Add(Patience); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			f.Fatalf("waited %v in vain for %s", Patience, what)
		}
	}
}

// same fails the test when got differs from want.
func same[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

// front returns the position in front of the first of messages.
func front(p pubsub.Position) pubsub.Position { return pubsub.Position{Epoch: p.Epoch} }
