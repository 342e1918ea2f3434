package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

// ErrCut says that a stream ended before it was complete: its sender broke off, or it was read
// so slowly that the server went on without this reader.
var ErrCut = errors.New("client: the stream was cut")

// attemptsInVain is how often a stream is asked for again while no byte comes: one that was cut
// breaks off each time.
const attemptsInVain = 5

// A Stream is read while it is sent. A connection that breaks is followed by another one, from
// the byte where it broke. It is for one goroutine, Close for any.
type Stream struct {
	client *Client
	about  pubsub.Stream
	ctx    context.Context
	cancel context.CancelFunc

	body   io.ReadCloser // nil: to be asked for
	asked  time.Time     // when body was
	offset int64
	vain   int // attempts without a byte that ended soon
	wait   backoff
	err    error // why there is no more
}

// OpenStream reads a stream that a message tells of, from its beginning: while it comes, or
// within 30 s behind its end. ctx bounds the reading as well. The error is a [*Refused], such as
// not_found for one that is no longer kept, or that of ctx.
func (c *Client) OpenStream(ctx context.Context, about *pubsub.Stream) (*Stream, error) {
	if about == nil || about.State != pubsub.StreamBegins {
		return nil, errors.New("client: the message does not tell of the beginning of a stream")
	}
	s := &Stream{client: c, about: *about}
	s.ctx, s.cancel = context.WithCancel(ctx)
	err := c.insist(s.ctx, func(context.Context) error { return s.ask() })
	if err != nil {
		s.cancel()
		return nil, err
	}
	return s, nil
}

// About returns what the stream's beginning says.
func (s *Stream) About() pubsub.Stream { return s.about }

// Offset returns how many bytes were read.
func (s *Stream) Offset() int64 { return s.offset }

// Read gives the next bytes. io.EOF is the end of a stream that is complete; [ErrCut] is wrapped
// where it never comes, and a [*Refused] with stream_gone says that the rest is no longer kept.
func (s *Stream) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, s.err
	}
	for s.err == nil {
		if s.body == nil {
			if err := s.askAgain(); err != nil {
				s.err = err
			}
			continue
		}
		n, err := s.body.Read(p)
		s.offset += int64(n)
		if n > 0 || time.Since(s.asked) >= steady {
			s.vain, s.wait = 0, backoff{}
		}
		if err != nil {
			s.body.Close()
			s.body = nil
		}
		switch {
		case err == io.EOF && s.about.Size >= 0 && s.offset < s.about.Size:
			// Something between has ended a broken answer as if it were whole.
		case err == io.EOF:
			s.err = err
		case s.ctx.Err() != nil:
			s.err = s.ctx.Err()
		}
		if n > 0 {
			return n, nil
		}
	}
	return 0, s.err
}

// Close ends the reading, and lets go of the connection. It is needed behind the end as well.
func (s *Stream) Close() error {
	s.cancel()
	return nil
}

// ask asks for the stream from where it was read to.
func (s *Stream) ask() error {
	o, err := s.client.signed(s.ctx)
	if err != nil {
		return err
	}
	resp, err := raw.Do(s.ctx, o, raw.Question{
		Method: http.MethodGet, Path: "/v1/streams/" + s.about.ID.String(),
		Query:  url.Values{"from": {strconv.FormatInt(s.offset, 10)}},
		Header: http.Header{"Accept-Encoding": {"identity"}},
	})
	if err != nil {
		return err
	}
	if at := resp.Header.Get("Wsbridge-Stream-Offset"); at != strconv.FormatInt(s.offset, 10) {
		resp.Body.Close()
		return &Violation{Detail: fmt.Sprintf("a stream was asked for from byte %d, and begins at %.40q", s.offset, at)}
	}
	s.body, s.asked = resp.Body, time.Now()
	return nil
}

func (s *Stream) askAgain() error {
	if s.vain++; s.vain > attemptsInVain {
		return fmt.Errorf("%w behind byte %d", ErrCut, s.offset)
	}
	if err := sleep(s.ctx, s.wait.next()); err != nil {
		return err
	}
	err := s.ask()
	no := (*Refused)(nil)
	if err != nil && s.ctx.Err() == nil && !(errors.As(err, &no) && no.Final()) {
		return nil // it is asked for again
	}
	return err
}
