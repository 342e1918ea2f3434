package transport

import (
	"context"
	"errors"
	"io"
	"net/http"
	"path"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/internal/problem"
)

// streamTransport names in counts who asks for a stream by HTTP.
const streamTransport = "stream"

// readyTimeout is how long the instance that has a stream may take to say from where it can be
// had.
const readyTimeout = 5 * time.Second

// stateTrailer says behind an answer in chunks that it is whole.
const stateTrailer = "Wsbridge-Stream-State"

// Stream serves GET and HEAD /v1/streams/{id}: the bytes of a stream from ?from= on, as they
// come. What is cut ends in a way that no HTTP client takes for a whole answer.
func (s *Server) Stream(w http.ResponseWriter, r *http.Request) {
	from := s.ClientIP(r)
	if err := s.claim(streamTransport, from); err != nil {
		s.refuse(w, streamTransport, err)
		return
	}
	defer s.release(from)
	d := &download{w: w, control: http.NewResponseController(w), bell: newDoorbell()}
	if err := d.open(s, r); err != nil {
		s.refuse(w, streamTransport, err)
		return
	}
	defer d.close()
	d.head(s)
	if r.Method == http.MethodHead {
		return
	}
	if err := d.copy(r.Context()); err != nil {
		d.close()
		panic(http.ErrAbortHandler)
	}
	if !d.sized {
		w.Header().Set(stateTrailer, "complete")
	}
}

// A download is written by its handler's goroutine.
type download struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	bell     doorbell
	consumer *relay.Consumer
	info     relay.Info
	from     int64
	sized    bool // the answer has a Content-Length

	mu   sync.Mutex // guards over, and control while it may be over
	over bool       // the handler is about to return
}

// open looks whether the stream can be given to who asks.
func (d *download) open(s *Server, r *http.Request) error {
	if err := checkMethod(d.w, r, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	streams := s.options.Relay
	if streams == nil {
		return problem.New(problem.NotSupported, "this server has no streams")
	}
	if from := r.URL.Query().Get("from"); from != "" {
		n, err := strconv.ParseInt(from, 10, 64)
		if err != nil || n < 0 {
			return problem.New(problem.BadRequest, "from must be a whole number of bytes, from 0 on")
		}
		d.from = n
	}
	who, err := s.Caller(r)
	if err != nil {
		return err
	}
	id, err := uuid.Parse(path.Base(r.URL.Path))
	if err != nil {
		return streamRefusal(relay.ErrUnknown)
	}
	ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
	defer cancel()
	if d.info, err = streams.Lookup(ctx, id); err != nil {
		return streamRefusal(err)
	}
	if err = who.Permit(Subscribe, d.info.Channel); err != nil {
		return err
	}
	d.sized = d.info.Size >= 0
	if !d.sized && !r.ProtoAtLeast(1, 1) {
		// Its answer would end with the connection, and a cut one looked whole.
		return problem.New(problem.BadRequest, "how long the stream is is not known yet: ask with HTTP/1.1, so that you can tell its end from a cut")
	}
	if d.consumer, err = streams.Join(id, d.from, d.wake); err != nil {
		return streamRefusal(err)
	}
	if err = d.consumer.Ready(ctx); err != nil {
		d.consumer.Close()
		return streamRefusal(err)
	}
	return nil
}

// streamRefusal returns what to tell of an error of the relay.
func streamRefusal(err error) error {
	cut := (*relay.CutError)(nil)
	switch {
	case errors.As(err, &cut) && cut.Reason == relay.Gone:
		if cut.Start == 0 {
			return streamRefusal(relay.ErrUnknown)
		}
		return problem.New(problem.StreamGone, "the stream is no longer kept from there; its window begins at byte %d", cut.Start)
	case errors.Is(err, relay.ErrUnknown):
		return problem.New(problem.NotFound, "there is no such stream, or no more")
	case errors.Is(err, relay.ErrBeyond):
		return problem.New(problem.BadRequest, "from is beyond what has come of the stream")
	case errors.Is(err, relay.ErrFull):
		return problem.New(problem.OverCapacity, "the instance relays as many streams as it may")
	case errors.Is(err, relay.ErrClosed):
		return errDraining
	case cut != nil, errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return problem.New(problem.Unavailable, "")
	}
	return err
}

// head sends the header of the answer.
func (d *download) head(s *Server) {
	h := d.w.Header()
	h.Set("Content-Type", d.info.Type)
	h.Set("Content-Disposition", disposition(d.info.Type, d.info.Name))
	h.Set("Wsbridge-Stream-Offset", strconv.FormatInt(d.from, 10))
	if d.sized {
		h.Set("Content-Length", strconv.FormatInt(max(0, d.info.Size-d.from), 10))
	} else {
		h.Set("Trailer", stateTrailer)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	s.lastAnswer(d.w)
	d.w.WriteHeader(http.StatusOK)
}

// A copyBuffer is lent to those who copy streams.
type copyBuffer [32 << 10]byte

var copyBuffers = sync.Pool{New: func() any { return new(copyBuffer) }}

// copy writes until the end of the stream. The error says that the answer is not whole.
func (d *download) copy(ctx context.Context) error {
	buf := copyBuffers.Get().(*copyBuffer)
	defer copyBuffers.Put(buf)
	flushed := false // the header is not written before
	for {
		n, _, err := d.consumer.Take(buf[:])
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case n > 0:
			d.deadline(writeTimeout)
			if _, err := d.w.Write(buf[:n]); err != nil {
				return err
			}
			flushed = false
			continue
		}
		if !flushed {
			if err := d.control.Flush(); err != nil {
				return err
			}
			flushed = true
		}
		select {
		case <-d.bell:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// wake is called by the relay. A write that blocks when the consumer is cut is freed.
func (d *download) wake(cut bool) {
	d.bell.ring()
	if cut {
		d.deadline(0)
	}
}

func (d *download) deadline(after time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.over {
		_ = d.control.SetWriteDeadline(time.Now().Add(after))
	}
}

func (d *download) close() {
	d.mu.Lock()
	d.over = true
	d.mu.Unlock()
	d.consumer.Close()
}
