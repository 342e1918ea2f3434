package api

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport"
)

// An uploaded is the answer to a stream that was sent whole.
type uploaded struct {
	Stream  string         `json:"stream"`
	Channel pubsub.Channel `json:"channel"`
	ID      string         `json:"id"` // of the message that tells of the end
	Pos     string         `json:"pos"`
	State   string         `json:"state"`
	Size    int64          `json:"size"`
}

// upload serves POST /v1/channels/{channel}/streams: it publishes the beginning, relays the
// body while it arrives, and publishes the end.
func (s *server) upload(w http.ResponseWriter, r *http.Request) {
	u, owner, err := s.newUpload(w, r)
	if err == nil {
		err = u.begin(r.Context(), owner)
	}
	if err == nil {
		err = u.copy(w, r)
		if ended := u.end(r.Context(), err == nil); err == nil {
			err = ended
		}
		_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerTimeout)) // it took as long as it took
	}
	if err != nil {
		s.fail(w, r, problem.FromError(err).In(u.channel()))
		return
	}
	id := u.out.ID().String()
	w.Header().Set("Location", "/v1/streams/"+id)
	s.answer(w, r, http.StatusCreated, uploaded{id, u.first.Channel, u.last.ID.String(), u.last.Pos.String(), "complete", u.out.Size()})
}

// An upload is a stream on its way from a request into the relay.
type upload struct {
	server *server
	relay  *relay.Relay
	first  pubsub.Publication // the beginning
	out    *relay.Sender
	last   *pubsub.Message // the end
}

func (u *upload) channel() pubsub.Channel {
	if u == nil {
		return ""
	}
	return u.first.Channel
}

// newUpload reads all of a request but its body, and looks whether it may be.
func (s *server) newUpload(w http.ResponseWriter, r *http.Request) (u *upload, owner string, err error) {
	u = &upload{server: s, relay: s.Transport.Relay()}
	if u.relay == nil {
		return u, "", problem.New(problem.NotSupported, "this server has no streams")
	}
	q, err := query(r, "name", "event", "token", "client")
	if err != nil {
		return u, "", err
	}
	c, err := channelOf(r)
	if err != nil {
		return u, "", err
	}
	u.first.Channel = c
	who, err := s.Transport.Caller(r)
	if err != nil {
		return u, "", err
	}
	if err = who.Permit(transport.Publish, c); err != nil {
		return u, "", err
	}
	if r.Header.Get("Idempotency-Key") != "" {
		return u, "", problem.New(problem.BadRequest, "a stream is not repeated by an Idempotency-Key; leave it away")
	}
	if err = checkEncoding(w, r); err != nil {
		return u, "", err
	}
	t, err := parseContentType(r.Header)
	if err != nil {
		return u, "", err
	}
	if strings.HasPrefix(t.media, "multipart/") {
		return u, "", problem.New(problem.UnsupportedMediaType, "a form (%s) is no stream; send the file itself as the body", t.media)
	}
	if t.header == "" {
		t.header = "application/octet-stream"
	}
	if most := s.MaxStream; most > 0 && r.ContentLength > most {
		return u, "", problem.New(problem.TooLarge, "the stream has %d bytes, at most %d are allowed", r.ContentLength, most)
	}
	u.first.Event, u.first.Meta, u.first.From = q.Get("event"), metaOf(r.Header), who.Sender()
	u.first.Stream = &pubsub.Stream{Name: q.Get("name"), Type: t.header, Size: r.ContentLength}
	if u.first.Stream.ID, err = uuid.NewV7(); err != nil {
		return u, "", err
	}
	// Before anything is published: Bridge.Publish would find the same.
	return u, who.Owner(), u.first.Check()
}

// begin enters the stream and publishes its beginning.
func (u *upload) begin(ctx context.Context, owner string) error {
	st := u.first.Stream
	info := relay.Info{ID: st.ID, Channel: u.first.Channel, Name: st.Name, Type: st.Type, Size: st.Size}
	var err error
	if u.out, err = u.relay.Send(ctx, info, owner); err != nil {
		return uploadRefusal(err)
	}
	_, err = u.server.Bridge.Publish(ctx, u.first)
	u.server.OnPublish(resultOf(err))
	if err != nil {
		if errors.Is(err, pubsub.ErrUnavailable) {
			u.out.Cut(relay.Unavailable)
		} else {
			u.end(ctx, false) // it may have been announced
		}
	}
	return err
}

// uploadRefusal returns what to tell of an error of the relay.
func uploadRefusal(err error) error {
	switch {
	case errors.Is(err, relay.ErrTooMany):
		return problem.New(problem.RateLimited, "%v; send again when one has ended", err)
	case errors.Is(err, relay.ErrFull):
		return problem.New(problem.OverCapacity, "%v", err)
	case errors.Is(err, relay.ErrClosed):
		return problem.New(problem.Draining, "")
	}
	return err
}

func resultOf(err error) string {
	if err == nil {
		return "stored"
	}
	return string(problem.FromError(err).Code)
}

// A copyBuffer is lent to uploads.
type copyBuffer [32 << 10]byte

var copyBuffers = sync.Pool{New: func() any { return new(copyBuffer) }}

var errCutHere = problem.New(problem.Draining, "the server stops, and the stream was cut")

// copy relays the body. The error tells the sender why it was not taken to its end.
func (u *upload) copy(w http.ResponseWriter, r *http.Request) error {
	buf := copyBuffers.Get().(*copyBuffer)
	defer copyBuffers.Put(buf)
	control := http.NewResponseController(w)
	idle := u.server.StreamIdle
	u.out.OnCut(func() { _ = control.SetReadDeadline(time.Now()) })
	var size int64
	for {
		_ = control.SetReadDeadline(time.Now().Add(idle))
		if u.out.WasCut() {
			return errCutHere // the deadline of OnCut may be the one that was just replaced
		}
		n, err := r.Body.Read(buf[:])
		if size += int64(n); u.server.MaxStream > 0 && size > u.server.MaxStream {
			return problem.New(problem.TooLarge, "the stream has more than %d bytes, and was cut there", u.server.MaxStream)
		}
		if n > 0 {
			if err := u.out.Write(r.Context(), buf[:n]); err != nil {
				return errCutHere
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil && u.out.WasCut():
			return errCutHere
		case errors.Is(err, os.ErrDeadlineExceeded):
			return problem.New(problem.Timeout, "nothing came for %v, and the stream was cut", idle)
		case err != nil:
			return problem.New(problem.BadRequest, "the body ended before it was complete, and the stream was cut")
		}
	}
}

const (
	// endWithin is how long the end of a stream is tried to be published while the broker is
	// away: the body came, and cannot be sent again by a key.
	endWithin = 30 * time.Second
	endPause  = 500 * time.Millisecond
)

// end ends the stream and publishes that. The beginning was published, so the end is even if
// the sender has gone.
func (u *upload) end(ctx context.Context, whole bool) error {
	st := *u.first.Stream
	st.Name, st.Type = "", ""
	if whole && u.out.Complete() {
		st.State = pubsub.StreamComplete
	} else {
		u.out.Cut(relay.BySender)
		st.State = pubsub.StreamCut
	}
	st.Size = u.out.Size()
	p := pubsub.Publication{
		Channel: u.first.Channel, Event: u.first.Event, From: u.first.From, Stream: &st,
		Key: "s:" + st.ID.String(), // so that trying again publishes once
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
	defer cancel()
	for {
		receipt, err := u.server.Bridge.Publish(ctx, p)
		u.server.OnPublish(resultOf(err))
		if err == nil {
			u.last = receipt.Message
			if whole && st.State == pubsub.StreamCut {
				return errCutHere
			}
			return nil
		}
		if !errors.Is(err, pubsub.ErrUnavailable) && !errors.Is(err, pubsub.ErrOutcomeUnknown) || ctx.Err() != nil {
			return err
		}
		select {
		case <-time.After(endPause):
		case <-ctx.Done():
			return err
		}
	}
}
