package pubsubtest

import (
	"errors"
	"sync"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func (s suite) close(t *testing.T) {
	t.Run("everything fails afterwards", func(t *testing.T) {
		f := s.start(t, Config{})
		f.add(1)
		same(t, "the state before", pubsub.Up, f.Status().State)
		if err := f.end(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		p := NewPublication(f.channel, "x")
		for name, call := range map[string]func() error{
			"Publish":  func() error { _, err := f.Publish(f.ctx, p); return err },
			"Read":     func() error { _, err := f.Read(f.ctx, f.channel, pubsub.Position{}, all); return err },
			"ReadBack": func() error { _, err := f.ReadBack(f.ctx, f.channel, pubsub.Position{}, all); return err },
			"Follow":   func() error { _, err := f.Follow(f.ctx, f.channel); return err },
			"Purge":    func() error { _, err := f.Purge(f.ctx, f.channel); return err },
			"Info":     func() error { _, err := f.Info(f.ctx, f.channel); return err },
			"Channels": func() error { _, err := f.Channels(f.ctx, "", "", 1); return err },
		} {
			if err := call(); !errors.Is(err, pubsub.ErrClosed) {
				t.Errorf("%s: %v, want %v", name, err, pubsub.ErrClosed)
			}
		}
		outcomes := f.PublishBatch(f.ctx, []pubsub.Publication{p, p})
		same(t, "outcomes", 2, len(outcomes))
		for _, o := range outcomes {
			if !errors.Is(o.Err, pubsub.ErrClosed) {
				t.Errorf("PublishBatch: %v, want %v", o.Err, pubsub.ErrClosed)
			}
		}
		f.Unfollow(f.channel)
		if state := f.Status().State; state == pubsub.Up {
			t.Errorf("a closed broker says that it is up")
		}
	})

	t.Run("no announcement comes after it returned", func(t *testing.T) {
		f := s.start(t, Config{})
		f.mustFollow()
		var publishing sync.WaitGroup
		for range 4 {
			publishing.Go(func() {
				for {
					if _, err := f.Publish(f.ctx, NewPublication(f.channel, "x")); err != nil {
						return
					}
				}
			})
		}
		f.recorder.WaitMessages(t, f.channel, 10)
		if err := f.end(); err != nil {
			t.Errorf("Close: %v", err)
		}
		at := len(f.recorder.Events(f.channel))
		publishing.Wait()
		same(t, "announcements", at, len(f.recorder.Events(f.channel)))
	})
}
