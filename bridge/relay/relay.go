package relay

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
)

// A Relay is the streams of one instance: those that are sent here, and mirrors of others. All
// methods may be called at once from any goroutine.
type Relay struct {
	options   Options
	consumers atomic.Int64 // clients only

	ctx        context.Context // ends with Close
	cancel     context.CancelFunc
	goroutines sync.WaitGroup // Add only with mu held, before closed
	replies    chan reply
	bell       chan struct{} // makes the keeper look before its time

	mu       sync.Mutex              // taken in front of a stream's; guards what follows
	streams  map[uuid.UUID]*stream   // sent here
	mirrors  map[uuid.UUID][]*mirror // of streams sent elsewhere; each begins at another place
	byNonce  map[uint64]*mirror
	feeds    map[uint64]*feed // mirrors elsewhere of streams sent here, by their nonce
	owners   map[string]int   // how many streams each sends
	reserved int64            // bytes of windows
	senders  int
	draining bool
	closed   bool
}

// New returns a relay. It starts the goroutine that keeps it in order; Close ends it.
func New(o Options) *Relay {
	r := &Relay{
		options: o.withDefaults(),
		replies: make(chan reply, 256),
		bell:    make(chan struct{}, 1),
		streams: make(map[uuid.UUID]*stream),
		mirrors: make(map[uuid.UUID][]*mirror),
		byNonce: make(map[uint64]*mirror),
		feeds:   make(map[uint64]*feed),
		owners:  make(map[string]int),
	}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	if r.options.Exchange != nil {
		r.options.Exchange.Receive(r.receive)
	}
	r.goroutines.Add(1)
	go r.keep()
	return r
}

// Send begins a stream, on behalf of an owner whose streams are counted, "" for nobody's. The
// caller must end it. The errors are ErrFull, ErrTooMany, ErrClosed, and the exchange's.
func (r *Relay) Send(ctx context.Context, info Info, owner string) (*Sender, error) {
	if info.ID == uuid.Nil {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, err
		}
		info.ID = id
	}
	limit := r.options.Window
	if info.Size >= 0 {
		limit = min(limit, max(1, (info.Size+pieceSize-1)/pieceSize)*pieceSize)
	}
	w := &Sender{stream: newStream(r, info, limit, 0), owner: owner}
	w.stream.gathered = time.Now().Add(r.options.Gather)
	if err := r.enter(w); err != nil {
		return nil, r.options.refused(err)
	}
	if err := r.record(ctx, w.stream); err != nil {
		w.Cut(Unavailable)
		return nil, err
	}
	return w, nil
}

func (r *Relay) enter(w *Sender) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.draining || r.closed:
		return ErrClosed
	case w.owner != "" && r.owners[w.owner] >= r.options.PerSender:
		return ErrTooMany
	case r.senders >= r.options.Senders || !r.reserve(w.stream.window.limit()):
		return ErrFull
	}
	r.senders++
	if w.owner != "" {
		r.owners[w.owner]++
	}
	r.streams[w.stream.info.ID] = w.stream
	return nil
}

// reserve takes memory for a window; ended streams that nobody reads leave for it, the oldest
// first. The mutex is held.
func (r *Relay) reserve(n int64) bool {
	for r.reserved+n > r.options.Memory {
		var oldest *stream
		var since time.Time
		for _, s := range r.streams {
			if ended, idle := s.idle(); idle && (oldest == nil || ended.Before(since)) {
				oldest, since = s, ended
			}
		}
		if oldest == nil {
			return false
		}
		r.forget(oldest)
	}
	r.reserved += n
	return true
}

// forget drops the window of a stream that was sent here. The mutex is held.
func (r *Relay) forget(s *stream) {
	delete(r.streams, s.info.ID)
	r.reserved -= s.release()
}

// release drops the window and returns how much was reserved for it.
func (s *stream) release() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.window.limit()
	s.window.drop()
	s.window.ring = nil
	if s.pace.timer != nil {
		s.pace.timer.Stop()
	}
	return n
}

// ended takes note that a stream is sent no more.
func (r *Relay) ended(w *Sender) {
	s := w.stream
	r.mu.Lock()
	r.senders--
	if w.owner != "" {
		if r.owners[w.owner]--; r.owners[w.owner] == 0 {
			delete(r.owners, w.owner)
		}
	}
	s.mu.Lock()
	how := "complete"
	if s.state == Broken {
		how = string(s.cut.Reason)
	}
	size := s.window.end
	r.reserved -= s.window.trim()
	s.mu.Unlock()
	r.mu.Unlock()
	r.options.Observer.StreamEnded(how, size)
	r.hurry()
}

// Lookup tells of a stream, sent here or elsewhere. Its size is known once it has ended, or if
// its sender said it. The errors are ErrUnknown and the exchange's.
func (r *Relay) Lookup(ctx context.Context, id uuid.UUID) (Info, error) {
	r.mu.Lock()
	s := r.streams[id]
	r.mu.Unlock()
	if s != nil {
		return s.known(), nil
	}
	rec, err := r.look(ctx, id)
	return rec.info(id), err
}

// known returns the info with the size, if the stream has ended.
func (s *stream) known() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	info := s.info
	if s.state == Complete {
		info.Size = s.window.end
	}
	return info
}

// Join consumes a stream from a place on, without blocking. wake is called, once, when Take has
// returned nothing and there is something again: from any goroutine, with locks held, so it must
// not block nor call the relay. nil: the consumer is one that calls Read. The errors are
// ErrUnknown, ErrBeyond, ErrFull, ErrClosed, and a *[CutError].
func (r *Relay) Join(id uuid.UUID, from int64, wake func(cut bool)) (*Consumer, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return nil, r.options.refused(ErrClosed)
	}
	if r.consumers.Add(1) > int64(r.options.Consumers) {
		r.consumers.Add(-1)
		return nil, r.options.refused(ErrFull)
	}
	c, err := r.join(id, from, wake)
	if err != nil {
		r.consumers.Add(-1)
	}
	return c, r.options.refused(err)
}

func (r *Relay) join(id uuid.UUID, from int64, wake func(cut bool)) (*Consumer, error) {
	if s := r.streams[id]; s != nil {
		return s.join(from, wake, nil)
	}
	if r.options.Exchange == nil {
		return nil, ErrUnknown
	}
	for _, m := range r.mirrors[id] {
		if c, err := m.stream.join(from, wake, nil); err == nil {
			return c, nil
		}
	}
	return r.mirror(id, from, wake)
}

// Load returns how many streams are sent here, how many consumers there are, and the bytes that
// are reserved for windows.
func (r *Relay) Load() (senders, consumers int, memory int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.senders, int(r.consumers.Load()), r.reserved
}

// Drain takes no new streams, and waits until those that are sent have ended and all consumers
// have what they came for. When ctx ends before, the rest is cut, and the error is the context's.
func (r *Relay) Drain(ctx context.Context) error {
	r.mu.Lock()
	r.draining = true
	r.mu.Unlock()
	look := time.NewTicker(tick)
	defer look.Stop()
	for {
		if r.quiet() {
			return nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			r.cutAll()
			return ctx.Err()
		}
	}
}

func (r *Relay) quiet() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.senders == 0 && r.consumers.Load() == 0 && len(r.feeds) == 0
}

// cutAll cuts all streams, and ends all consumers.
func (r *Relay) cutAll() {
	r.mu.Lock()
	var all []*stream
	for _, s := range r.streams {
		all = append(all, s)
	}
	for _, mirrors := range r.mirrors {
		for _, m := range mirrors {
			all = append(all, m.stream)
		}
	}
	r.mu.Unlock()
	for _, s := range all {
		s.mu.Lock()
		s.finish(Broken, CutError{Reason: Unavailable})
		for c := range s.consumers {
			if c.pos < s.window.end || s.state == Broken {
				c.end(&CutError{Reason: Unavailable})
			}
		}
		s.mu.Unlock()
	}
}

// Close cuts what is left and waits for the relay's goroutines. Senders learn of it from Write.
func (r *Relay) Close() {
	r.mu.Lock()
	r.draining, r.closed = true, true
	r.mu.Unlock()
	r.cutAll()
	r.cancel()
	r.goroutines.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range r.streams {
		r.forget(s)
	}
}
