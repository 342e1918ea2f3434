package transport

import (
	"context"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// publish appends a client's message to its channel's log.
func (s *Server) publish(ctx context.Context, dst []byte, who caller, command *wire.Command) ([]byte, error) {
	if err := permit(who.principal, Publish, command.Channel); err != nil {
		return dst, err
	}
	if n := len(command.Data.Bytes); n > s.options.MaxMessage {
		return dst, problem.New(problem.TooLarge, "the data has %d bytes, at most %d are allowed", n, s.options.MaxMessage)
	}
	p := pubsub.Publication{
		Channel: command.Channel,
		Event:   command.Event,
		Data:    command.Data,
		From:    &pubsub.Sender{User: who.principal.user, Client: who.client},
		Meta:    command.Meta,
	}
	if command.Key != "" {
		p.Key = who.key(command.Key)
	}
	receipt, err := s.bridge.Publish(ctx, p)
	if err != nil {
		return dst, err
	}
	return wire.AppendPublished(dst, command.Ref, receipt), nil
}

// key puts an idempotency key into the scope of its user, or of an anonymous client: apart
// from all others, and from the keys of backends, which begin otherwise. A key holds no
// space, so where the scope begins is plain.
func (who caller) key(key string) string {
	if who.principal.user != "" {
		return "u:" + key + " " + who.principal.user
	}
	return "c:" + key + " " + who.client
}
