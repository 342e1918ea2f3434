package metrics

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A result is what became of a publication, as the label says it.
type result uint8

const (
	stored result = iota
	duplicate
	notReplicated
	unavailable
	outcomeUnknown
	notTried
	keyReused
	failed
	refused // before it reached the broker
	results
)

var resultNames = [results]string{
	"stored", "duplicate", "not_replicated", "unavailable", "outcome_unknown", "not_tried", "key_reused", "failed", "refused",
}

func resultOf(r pubsub.Receipt, err error) result {
	switch {
	case err == nil && r.Duplicate:
		return duplicate
	case err == nil:
		return stored
	case errors.Is(err, pubsub.ErrNotReplicated):
		return notReplicated
	case errors.Is(err, pubsub.ErrUnavailable), errors.Is(err, pubsub.ErrClosed):
		return unavailable
	case errors.Is(err, pubsub.ErrOutcomeUnknown):
		return outcomeUnknown
	case errors.Is(err, pubsub.ErrNotTried):
		return notTried
	case errors.Is(err, pubsub.ErrKeyReused):
		return keyReused
	}
	return failed
}

type publishing struct {
	results [results]prometheus.Counter
	seconds prometheus.Histogram
}

func (p *publishing) register(r *prometheus.Registry) {
	messages := messagesPublished.counters()
	for i, name := range resultNames {
		p.results[i] = messages.WithLabelValues(name)
	}
	p.seconds = publishSeconds.histogram(publishBuckets)
	r.MustRegister(messages, p.seconds)
}

// Broker returns b, which counts from now on what is published through it: by backends as
// well as by clients, on every way.
func (m *Metrics) Broker(b pubsub.Broker) pubsub.Broker { return &broker{b, &m.published} }

// Answered takes what api.Options.OnPublish is told, and counts what did not come as far as
// the broker: the rest was counted there.
func (m *Metrics) Answered(result string) {
	switch result {
	case "bad_message", "bad_channel", "bad_json", "bad_request", "too_large":
		m.published.results[refused].Inc()
	}
}

type broker struct {
	pubsub.Broker
	published *publishing
}

func (b *broker) Publish(ctx context.Context, p pubsub.Publication) (pubsub.Receipt, error) {
	begin := time.Now()
	r, err := b.Broker.Publish(ctx, p)
	b.published.seconds.Observe(time.Since(begin).Seconds())
	b.published.results[resultOf(r, err)].Inc()
	return r, err
}

func (b *broker) PublishBatch(ctx context.Context, ps []pubsub.Publication) []pubsub.Outcome {
	begin := time.Now()
	outcomes := b.Broker.PublishBatch(ctx, ps)
	b.published.seconds.Observe(time.Since(begin).Seconds())
	for i := range outcomes {
		b.published.results[resultOf(outcomes[i].Receipt, outcomes[i].Err)].Inc()
	}
	return outcomes
}
