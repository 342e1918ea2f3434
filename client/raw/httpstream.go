package raw

import (
	"context"
	"io"

	"github.com/wsbridge/wsbridge/transport/wire"
)

type httpStream struct {
	body     io.Closer
	lines    lines
	welcomed bool
}

func openHTTPStream(ctx context.Context, d *dialing) (source, error) {
	resp, err := d.ask(ctx, "/v1/http-stream", "application/x-ndjson", d.progress.position(), d.Wait)
	if err != nil {
		return nil, err
	}
	return &httpStream{body: resp.Body, lines: newLines(resp.Body, d.MaxEvent)}, nil
}

func (s *httpStream) next(context.Context) (Event, error) {
	line, err := s.lines.next()
	if err != nil {
		return Event{}, ended(err)
	}
	e, err := wire.ParseEvent(line)
	switch {
	case err != nil:
		return Event{}, violation("a line: %v", err)
	case e.Type == wire.EventClose:
		return Event{}, closed(&e)
	}
	if err := welcome(&s.welcomed, &e); err != nil {
		return Event{}, err
	}
	return e, nil
}

func (s *httpStream) close(bool) { s.body.Close() }
