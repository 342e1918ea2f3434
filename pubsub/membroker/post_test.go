package membroker

import (
	"crypto/rand"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

func TestPostConforms(t *testing.T) {
	var post Post
	pubsubtest.RunExchange(t, func(t *testing.T, receive func([]byte)) pubsub.Exchange {
		x := post.Instance(rand.Text())
		x.Receive(receive)
		return x
	})
}
