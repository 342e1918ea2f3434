package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"time"

	"github.com/wsbridge/wsbridge/client"
)

// forward publishes the orders that are stored and not published yet, in their order, until ctx ends. They are stored
// first and published from the store, so that a crash between the two, or an hour without wsbridge, loses none. What was
// published and could not be marked is published again, under the same key.
func forward(ctx context.Context, s *orders, backend *client.Client) {
	for ctx.Err() == nil {
		o, changed := s.unpublished()
		if o == nil {
			select {
			case <-changed:
			case <-ctx.Done():
			}
			continue
		}
		if err := publish(ctx, s, backend, *o); err != nil && ctx.Err() == nil {
			log.Printf("order %d is not published yet: %v", o.N, err)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
		}
	}
}

func publish(ctx context.Context, s *orders, backend *client.Client, o order) error {
	data, err := json.Marshal(o)
	if err != nil {
		return err
	}
	_, err = backend.Publish(ctx, "orders", client.Publication{
		Data: json.RawMessage(data),
		Key:  fmt.Sprintf("order-%d-%d", o.N, o.Time.UnixNano()),
	})
	if err != nil {
		return err
	}
	return s.markPublished(o.N)
}
