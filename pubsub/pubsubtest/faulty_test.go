package pubsubtest_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

const channel pubsub.Channel = "a"

func startFaulty(t *testing.T) (*pubsubtest.Faulty, *pubsubtest.Recorder) {
	t.Helper()
	f, r := pubsubtest.NewFaulty(membroker.New(membroker.Options{})), new(pubsubtest.Recorder)
	if err := f.Start(t.Context(), r); err != nil {
		t.Fatalf("Start: %v", err)
	}
	t.Cleanup(func() { f.Close() })
	return f, r
}

func check(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
	}
}

func same[T any](t *testing.T, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", what, diff)
	}
}

// TestFaultyWithoutFault: a broker that is never made to fail passes the suite.
func TestFaultyWithoutFault(t *testing.T) {
	pubsubtest.Run(t, func(t *testing.T, c pubsubtest.Config) pubsub.Broker {
		return pubsubtest.NewFaulty(membroker.New(membroker.Options{Retention: c.Retention, PositionTTL: c.PositionTTL}))
	})
}

func TestFaultyCut(t *testing.T) {
	f, r := startFaulty(t)
	ctx := t.Context()
	_, err := f.Follow(ctx, channel)
	check(t, "Follow", err, nil)
	f.Cut()
	for name, call := range map[string]func() error{
		"Publish": func() error { _, err := f.Publish(ctx, pubsubtest.NewPublication(channel, "x")); return err },
		"Read": func() error {
			_, err := f.Read(ctx, channel, pubsub.Position{}, pubsub.Limit{Messages: 1})
			return err
		},
		"ReadBack": func() error {
			_, err := f.ReadBack(ctx, channel, pubsub.Position{}, pubsub.Limit{Messages: 1})
			return err
		},
		"Follow":   func() error { _, err := f.Follow(ctx, "b"); return err },
		"Purge":    func() error { _, err := f.Purge(ctx, channel); return err },
		"Info":     func() error { _, err := f.Info(ctx, channel); return err },
		"Channels": func() error { _, err := f.Channels(ctx, "", "", 1); return err },
	} {
		check(t, name, call(), pubsub.ErrUnavailable)
	}
	same(t, "the state", pubsub.Down, f.Status().State)

	// Another instance goes on.
	missed, err := f.Broker.Publish(ctx, pubsubtest.NewPublication(channel, "missed"))
	check(t, "Publish elsewhere", err, nil)
	f.Mend()
	same(t, "the state", pubsub.Up, f.Status().State)
	next, err := f.Publish(ctx, pubsubtest.NewPublication(channel, "next"))
	check(t, "Publish", err, nil)
	same(t, "the events", []pubsubtest.Event{{}, {Message: next.Message}}, r.Events(channel))
	page, err := f.Read(ctx, channel, pubsub.Position{}, pubsub.Limit{Messages: 9})
	check(t, "Read", err, nil)
	same(t, "the log", []*pubsub.Message{missed.Message, next.Message}, page.Messages)
	f.Mend() // of what is whole
	same(t, "breaks", 1, r.Breaks(channel))
}

func TestFaultyMute(t *testing.T) {
	f, r := startFaulty(t)
	ctx := t.Context()
	for _, c := range []pubsub.Channel{channel, "left"} {
		_, err := f.Follow(ctx, c)
		check(t, "Follow", err, nil)
	}
	f.Mute()
	same(t, "the state", pubsub.Degraded, f.Status().State)
	_, err := f.Publish(ctx, pubsubtest.NewPublication(channel, "x"))
	check(t, "Publish", err, nil)
	f.Unfollow("left")
	same(t, "events while muted", 0, len(r.Events(channel)))
	f.Mend()
	same(t, "events", []pubsubtest.Event{{}}, r.Events(channel))
	same(t, "events of what was left", 0, len(r.Events("left")))
}

func TestFaultyPublishes(t *testing.T) {
	f, _ := startFaulty(t)
	ctx := context.Background()
	f.Refuse(1)
	_, err := f.Publish(ctx, pubsubtest.NewPublication(channel, "x"))
	check(t, "a refused publish", err, pubsub.ErrUnavailable)
	f.LoseAnswers(1)
	p := pubsubtest.NewPublication(channel, "x")
	p.Key = "k"
	_, err = f.Publish(ctx, p)
	check(t, "a lost answer", err, pubsub.ErrOutcomeUnknown)
	receipt, err := f.Publish(ctx, p)
	check(t, "its repeat", err, nil)
	same(t, "duplicate", true, receipt.Duplicate)
	same(t, "the offset", 1, receipt.Message.Pos.Offset)

	// After a failure the later ones of its channel are not tried, those of others are.
	for _, fail := range []struct {
		how  func(int)
		want error
	}{{f.Refuse, pubsub.ErrUnavailable}, {f.LoseAnswers, pubsub.ErrOutcomeUnknown}} {
		fail.how(1)
		var errs []error
		for _, o := range f.PublishBatch(ctx, []pubsub.Publication{
			pubsubtest.NewPublication("b", "1"), pubsubtest.NewPublication("c", "1"),
			pubsubtest.NewPublication("b", "2"), pubsubtest.NewPublication("c", "2"),
		}) {
			errs = append(errs, o.Err)
		}
		for i, want := range []error{fail.want, nil, pubsub.ErrNotTried, nil} {
			check(t, "an outcome", errs[i], want)
		}
	}
}
