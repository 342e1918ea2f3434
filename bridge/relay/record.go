package relay

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/pubsub"
)

// recordTTL is how long the record of a stream outlives its origin; it is refreshed after a
// third of that.
const recordTTL = time.Minute

// A record is what other instances can know of a stream.
type record struct {
	Channel pubsub.Channel `json:"channel"`
	Name    string         `json:"name,omitempty"`
	Type    string         `json:"type"`
	Size    int64          `json:"size"` // -1: not known
	Origin  string         `json:"origin"`
}

func (rec record) info(id uuid.UUID) Info {
	return Info{ID: id, Channel: rec.Channel, Name: rec.Name, Type: rec.Type, Size: rec.Size}
}

func recordKey(id uuid.UUID) string { return "stream:" + id.String() }

// record tells the other instances of a stream that is sent here.
func (r *Relay) record(ctx context.Context, s *stream) error {
	x := r.options.Exchange
	if x == nil {
		return nil
	}
	info := s.known()
	text, err := json.Marshal(record{info.Channel, info.Name, info.Type, info.Size, x.Instance()})
	if err != nil {
		return err
	}
	ttl := recordTTL
	if ended, _ := s.idle(); !ended.IsZero() {
		ttl = max(time.Second, r.options.Linger-time.Since(ended))
	}
	return x.Put(ctx, recordKey(s.info.ID), text, ttl)
}

// look reads the record of a stream that is sent elsewhere.
func (r *Relay) look(ctx context.Context, id uuid.UUID) (record, error) {
	x := r.options.Exchange
	if x == nil {
		return record{}, ErrUnknown
	}
	text, err := x.Get(ctx, recordKey(id))
	if err != nil {
		return record{}, err
	}
	var rec record
	if len(text) == 0 || json.Unmarshal(text, &rec) != nil || rec.Origin == x.Instance() {
		return record{}, ErrUnknown
	}
	return rec, nil
}
