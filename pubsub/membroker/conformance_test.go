package membroker_test

import (
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

func TestConformance(t *testing.T) {
	pubsubtest.Run(t, func(t *testing.T, c pubsubtest.Config) pubsub.Broker {
		return membroker.New(membroker.Options{Retention: c.Retention, PositionTTL: c.PositionTTL})
	})
}
