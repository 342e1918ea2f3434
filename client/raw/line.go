package raw

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A Line is one connection of one transport, or one loop of polls. It does not reconnect.
// Next is for one goroutine at a time; everything else may be called at once from any.
type Line struct {
	source   source
	progress *progress
	stop     context.CancelFunc // ends the goroutine
	idle     func()             // lets go of idle connections

	events chan Event // closed by the goroutine, behind err
	err    error      // why there are no more events; set before events is closed

	closing sync.Once
	broken  error // a violation that Next found; owned by who calls Next
}

// ErrClosed is what Next returns on a line that was closed here.
var ErrClosed = errors.New("the line was closed")

// A source is how a transport brings events. Its methods are called by one goroutine at a
// time.
type source interface {
	// next waits for an event. Every error is the last.
	next(ctx context.Context) (Event, error)
	// close ends the connection: now, or after having said goodbye.
	close(now bool)
}

// Open connects. It returns once the server has taken the request: for polls, once the
// first was answered, for a WebSocket, once it is open. What the server thinks of the token
// is the first thing that is said on a WebSocket; over HTTP it is the error, a [*Refused].
//
// Unless it is unchecked the line is strict: what the protocol does not allow ends it with a
// [*Violation].
func Open(ctx context.Context, o Options) (*Line, error) {
	o = o.withDefaults()
	return open(ctx, &o, newProgress(&o))
}

func open(ctx context.Context, o *Options, p *progress) (*Line, error) {
	connect := map[Transport]func(context.Context, *dialing) (source, error){
		WebSocket: openWebSocket, SSE: openSSE, HTTPStream: openHTTPStream, LongPoll: openPoll, Poll: openPoll,
	}[o.Transport]
	if connect == nil {
		return nil, fmt.Errorf("raw: there is no %v", o.Transport)
	}
	httpClient, idle := o.http()
	// The line outlives ctx, which ends the opening only.
	life, stop := context.WithCancel(context.WithoutCancel(ctx))
	opened := context.AfterFunc(ctx, stop)
	s, err := connect(life, &dialing{o, httpClient, p})
	if !opened() && err == nil {
		s.close(true)
		err = ctx.Err()
	}
	if err != nil {
		stop()
		idle()
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return nil, err
	}
	l := &Line{source: s, progress: p, stop: stop, idle: idle, events: make(chan Event)}
	go l.read(life)
	return l, nil
}

// dialing is what a transport needs to open a connection.
type dialing struct {
	*Options
	client   *http.Client
	progress *progress
}

func (l *Line) read(ctx context.Context) {
	defer close(l.events)
	for {
		e, err := l.source.next(ctx)
		if ctx.Err() != nil {
			err = ErrClosed
		}
		if err != nil {
			l.err = err
			return
		}
		select {
		case l.events <- e:
		case <-ctx.Done():
			l.err = ErrClosed
			return
		}
	}
}

// Next waits for the next event. When ctx ends, the line stays as it is. Other errors are
// final: a [*CloseError] when the server ended the line, a [*Refused] when it refused a
// poll, a [*Violation], [ErrClosed], or whatever broke the connection.
func (l *Line) Next(ctx context.Context) (Event, error) {
	for l.broken == nil {
		select {
		case e, ok := <-l.events:
			if !ok {
				l.broken = l.err
				break
			}
			if err := l.progress.advance(&e); err != nil {
				l.stop()
				l.broken = err
				break
			}
			return e, nil
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
	return Event{}, l.broken
}

// Cursor returns where the line stands: behind everything that Next gave. Another line of
// any transport goes on from there. An unchecked line says where it began.
func (l *Line) Cursor() pubsub.Cursor { return l.progress.position() }

// Close says goodbye where the transport has a way to, and ends the line.
func (l *Line) Close() error { return l.end(false) }

// CloseNow ends the line as if the network had failed.
func (l *Line) CloseNow() error { return l.end(true) }

func (l *Line) end(now bool) error {
	l.closing.Do(func() {
		l.stop()
		for range l.events {
		}
		l.source.close(now)
		l.idle()
	})
	return nil
}
