package raw

import (
	"context"
	"io"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

type sse struct {
	body     io.Closer
	stream   *eventStream
	checked  bool
	welcomed bool
}

func openSSE(ctx context.Context, d *dialing) (source, error) {
	resp, err := d.ask(ctx, "/v1/sse", "text/event-stream", d.progress.position(), d.Wait)
	if err != nil {
		return nil, err
	}
	return &sse{body: resp.Body, stream: newEventStream(resp.Body, d.MaxEvent), checked: !d.Unchecked}, nil
}

func (s *sse) next(context.Context) (Event, error) {
	in, err := s.stream.next()
	if err != nil {
		return Event{}, ended(err)
	}
	if in.comment {
		return Event{Type: Heartbeat}, nil
	}
	e, err := wire.ParseSSE(in.name, in.data)
	if err != nil {
		return Event{}, violation("event %.40q: %v", in.name, err)
	}
	if e.Type == wire.EventClose {
		if e.Retry == 0 {
			e.Retry = s.stream.retry
		}
		return Event{}, closed(&e)
	}
	if err := welcome(&s.welcomed, &e); err != nil {
		return Event{}, err
	}
	if e.Type == Welcome || s.checked {
		if e.Cursor, err = pubsub.ParseCursor(in.id, wire.MaxChannels); err != nil {
			return Event{}, violation("the id of event %.40q: %v", in.name, err)
		}
	}
	return e, nil
}

func (s *sse) close(bool) { s.body.Close() }

// ended says why a stream over HTTP is over that did not end with a close event.
func ended(err error) error {
	if v, ok := err.(*Violation); ok {
		return v
	}
	return broken(err)
}

// closed turns the event that stands for a close frame into an error.
func closed(e *Event) error { return &CloseError{e.CloseCode, e.CloseCode.String(), e.Retry} }

// welcome checks that a stream begins with a welcome, and has one only.
func welcome(welcomed *bool, e *Event) error {
	if (e.Type == Welcome) == *welcomed {
		return violation("%q came where it must not", e.Type)
	}
	*welcomed = true
	return nil
}
