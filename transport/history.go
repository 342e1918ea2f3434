package transport

import (
	"context"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// historyBytes bounds one answer, so that it fits into a client's queue beside what may be
// there already (see maxQueued), base64 and all.
const historyBytes = 384 << 10

// history reads from a log without subscribing: what stands behind a position, or in front
// of a message, or else the newest messages.
func (s *Server) history(ctx context.Context, dst []byte, who caller, command *wire.Command) ([]byte, error) {
	if err := permit(who.principal, History, command.Channel); err != nil {
		return dst, err
	}
	limit := pubsub.Limit{Messages: command.Limit, Bytes: historyBytes}
	var page pubsub.Page
	var err error
	if command.Since.Resume {
		page, err = s.bridge.Read(ctx, command.Channel, command.Since.Pos, limit)
	} else {
		page, err = s.bridge.ReadBack(ctx, command.Channel, command.Before.Pos, limit)
	}
	if err != nil {
		return dst, subscribeRefusal(err).In(command.Channel)
	}
	dst = wire.BeginHistory(dst, command.Ref)
	object := getScratch()
	defer object.put()
	for _, m := range page.Messages {
		object.b = wire.AppendMessage(object.b[:0], m)
		dst = wire.AppendAnswerMessage(dst, object.b)
	}
	var gaps []pubsub.Gap
	if page.Gap != nil {
		gaps = append(gaps, *page.Gap)
	}
	cursor := pubsub.Cursor{{Channel: command.Channel, Start: pubsub.Behind(page.Last())}}
	return wire.EndHistory(dst, gaps, cursor), nil
}
