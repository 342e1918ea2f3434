package metrics

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

// scripted answers publishes with the outcomes it was given, one after the other.
type scripted struct {
	pubsub.Broker
	outcomes []pubsub.Outcome
}

func (s *scripted) Publish(context.Context, pubsub.Publication) (pubsub.Receipt, error) {
	o := s.outcomes[0]
	s.outcomes = s.outcomes[1:]
	return o.Receipt, o.Err
}

func (s *scripted) PublishBatch(_ context.Context, ps []pubsub.Publication) []pubsub.Outcome {
	return s.outcomes[:len(ps)]
}

func TestPublishedByResult(t *testing.T) {
	outcomes := []pubsub.Outcome{
		{},
		{},
		{Receipt: pubsub.Receipt{Duplicate: true}},
		{Err: fmt.Errorf("publish: %w", pubsub.ErrUnavailable)},
		{Err: pubsub.ErrClosed},
		{Err: pubsub.ErrOutcomeUnknown},
		{Err: pubsub.ErrNotReplicated},
		{Err: pubsub.ErrNotTried},
		{Err: pubsub.ErrKeyReused},
		{Err: errors.New("something else")},
	}
	want := map[string]string{
		`{result="stored"}`: "2", `{result="duplicate"}`: "1", `{result="unavailable"}`: "2",
		`{result="outcome_unknown"}`: "1", `{result="not_replicated"}`: "1", `{result="not_tried"}`: "1",
		`{result="key_reused"}`: "1", `{result="failed"}`: "1",
	}
	t.Run("one by one", func(t *testing.T) {
		m := New("dev")
		b := m.Broker(&scripted{outcomes: outcomes})
		for range outcomes {
			b.Publish(t.Context(), pubsub.Publication{})
		}
		counts(t, m, "wsbridge_messages_published_total", want)
		counts(t, m, "wsbridge_publish_seconds_count", map[string]string{"": "10"})
	})
	t.Run("batch", func(t *testing.T) {
		m := New("dev")
		m.Broker(&scripted{outcomes: outcomes}).PublishBatch(t.Context(), make([]pubsub.Publication, len(outcomes)))
		counts(t, m, "wsbridge_messages_published_total", want)
		counts(t, m, "wsbridge_publish_seconds_count", map[string]string{"": "1"})
	})
}

func TestAnsweredCountsWhatTheBrokerDidNotSee(t *testing.T) {
	m := New("dev")
	for _, result := range []string{"stored", "duplicate", "bad_message", "unavailable", "too_large"} {
		m.Answered(result)
	}
	counts(t, m, "wsbridge_messages_published_total", map[string]string{`{result="refused"}`: "2"})
}
