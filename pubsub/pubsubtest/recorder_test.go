package pubsubtest_test

import (
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

func TestRecorder(t *testing.T) {
	r := new(pubsubtest.Recorder)
	m := &pubsub.Message{Channel: channel}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Message(m)
		r.Break(channel)
		r.Message(m)
		r.Message(&pubsub.Message{Channel: "b"})
	}()
	same(t, "the messages", 2, len(r.WaitMessages(t, channel, 2)))
	r.WaitBreaks(t, channel, 1)
	<-done
	same(t, "the events", []pubsubtest.Event{{Message: m}, {}, {Message: m}}, r.Events(channel))
	same(t, "subscribers", 0, r.Subscribers(channel))
	r.SetSubscribers(channel, 3)
	same(t, "subscribers", 3, r.Subscribers(channel))
}
