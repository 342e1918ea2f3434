package relay

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// A Sender gives a stream its bytes. It belongs to one goroutine; Cut may be called from any.
type Sender struct {
	stream *stream
	owner  string
	over   bool // it was ended; the stream's mutex guards it
}

// Info returns what is known of the stream.
func (w *Sender) Info() Info { return w.stream.info }

// ID returns the stream's id.
func (w *Sender) ID() uuid.UUID { return w.stream.info.ID }

// Size returns how many bytes were written.
func (w *Sender) Size() int64 {
	w.stream.mu.Lock()
	defer w.stream.mu.Unlock()
	return w.stream.window.end
}

// Write gives bytes to the consumers. It waits while there is no room, as far as the rules of
// the package let it. The error is the context's, or a *[CutError] when the stream was cut.
func (w *Sender) Write(ctx context.Context, b []byte) error {
	for len(b) > 0 {
		n := min(len(b), pieceSize)
		if err := w.write(ctx, b[:n]); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func (w *Sender) write(ctx context.Context, b []byte) error {
	s := w.stream
	need := int64(len(b))
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.state == Running && s.room() < need {
		if s.pace.waiting == 0 {
			s.account(time.Now())
			s.pace.waiting = need
			s.watch()
		}
		s.mu.Unlock()
		var err error
		select {
		case <-s.pace.bell:
		case <-ctx.Done():
			err = ctx.Err()
		}
		s.mu.Lock()
		if err != nil {
			s.stopWaiting()
			return err
		}
	}
	s.stopWaiting()
	if s.state != Running {
		cut := s.cut
		return &cut
	}
	s.append(b)
	return nil
}

func (s *stream) stopWaiting() {
	if s.pace.waiting > 0 {
		s.account(time.Now())
		s.pace.waiting = 0
	}
}

// OnCut has f called when somebody else cuts the stream, at once if that has happened. It is
// called with locks held, so it must not block nor call the relay, and not any more once Complete
// or Cut has returned.
func (w *Sender) OnCut(f func()) {
	s := w.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.onCut = f; s.state == Broken {
		f()
	}
}

// WasCut reports whether the stream was cut.
func (w *Sender) WasCut() bool {
	w.stream.mu.Lock()
	defer w.stream.mu.Unlock()
	return w.stream.state == Broken
}

// Complete ends the stream: all of it was written. It reports false when it was cut before.
func (w *Sender) Complete() bool { return w.end(Complete, CutError{}) }

// Cut ends the stream before its time. It reports false when it has ended already.
func (w *Sender) Cut(reason Reason) bool { return w.end(Broken, CutError{Reason: reason}) }

func (w *Sender) end(state State, cut CutError) bool {
	s := w.stream
	s.mu.Lock()
	first := s.state == Running
	s.onCut = nil
	s.finish(state, cut)
	over := w.over
	w.over = true
	s.mu.Unlock()
	if !over {
		s.relay.ended(w)
	}
	return first
}
