package behaviour

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// bytesOf gives n bytes that no two places of look alike, without holding them.
func bytesOf(n int64) io.Reader {
	return io.LimitReader(rand.NewChaCha8(sha256.Sum256([]byte("stream"))), n)
}

// sum returns what arrives if those bytes do.
func sum(n int64) string {
	h := sha256.New()
	io.Copy(h, bytesOf(n)) // neither fails
	return digest(n, h)
}

func digest(n int64, h hash.Hash) string { return fmt.Sprintf("%d bytes, %x", n, h.Sum(nil)[:8]) }

// A sending is a stream on its way to a server.
type sending struct {
	id     uuid.UUID
	answer chan reply // one without status: the request failed
}

// send sends a stream from a reader, as the backend, and returns when its beginning is known.
func (s *server) sendStream(t testing.TB, c pubsub.Channel, from io.Reader) *sending {
	t.Helper()
	req, err := http.NewRequest("POST", s.url+"/v1/channels/"+string(c)+"/streams?name=a.bin", struct{ io.Reader }{from})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+apiKey)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		if pipe, ok := from.(io.Closer); ok {
			pipe.Close() // else net/http goes on waiting for it
		}
	})
	up := &sending{answer: make(chan reply, 1)}
	go func() {
		var r reply
		if resp, err := http.DefaultClient.Do(req.WithContext(ctx)); err == nil {
			r.status, r.header = resp.StatusCode, resp.Header
			r.body, _ = io.ReadAll(resp.Body)
			resp.Body.Close()
		}
		up.answer <- r
	}()
	until(t, "the stream begins", func() bool {
		for _, st := range s.streamsOf(t, c) {
			if st.State == "" {
				up.id = st.ID
			}
		}
		return up.id != uuid.Nil
	})
	return up
}

// A said is what a message says of a stream.
type said struct {
	ID    uuid.UUID
	State string
	Name  string
	Size  int64
}

// streamsOf returns what the messages of a channel say of streams, oldest first.
func (s *server) streamsOf(t testing.TB, c pubsub.Channel) (all []said) {
	t.Helper()
	var history struct{ Messages []struct{ Stream *said } }
	r := s.do(t, request{path: messagesOf(c), header: []string{"Authorization: Bearer " + apiKey}})
	r.decode(t, &history)
	for _, m := range history.Messages {
		if m.Stream != nil {
			all = append(all, *m.Stream)
		}
	}
	return all
}

// get asks for a stream.
func (s *server) getStream(t testing.TB, id uuid.UUID) *http.Response {
	t.Helper()
	resp, err := http.Get(s.url + "/v1/streams/" + id.String() + "?token=" + s.token())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != 200 {
		body, _ := io.ReadAll(resp.Body)
		t.Fatalf("status %d: %s", resp.StatusCode, body)
	}
	return resp
}

// A received is how a stream arrived.
type received struct {
	what string
	err  error
}

// download reads a stream, with a pause behind each 64 KiB.
func download(resp *http.Response, pause time.Duration) <-chan received {
	done := make(chan received, 1)
	go func() {
		h, n, buf := sha256.New(), int64(0), make([]byte, 64<<10)
		for {
			got, err := resp.Body.Read(buf)
			h.Write(buf[:got])
			n += int64(got)
			if err == io.EOF {
				err = nil
			} else if err == nil {
				time.Sleep(pause * time.Duration(got) / time.Duration(len(buf)))
				continue
			}
			done <- received{digest(n, h), err}
			return
		}
	}()
	return done
}

// An ended is how a pushed stream ended.
type ended struct {
	received
	state, reason string
}

// push subscribes a WebSocket with streams, and returns how the next stream of the channel
// arrives.
func (s *server) pushStream(t testing.TB, c pubsub.Channel) <-chan ended {
	t.Helper()
	socket := s.dial(t, "token="+s.token())
	socket.say(fmt.Sprintf(`{"type":"subscribe","ref":1,"channel":"%s","streams":true}`, c))
	socket.answer("1")
	done := make(chan ended, 1)
	go func() {
		h, n := sha256.New(), int64(0)
		for {
			ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
			_, frame, err := socket.ReadMessage(ctx, nil)
			cancel()
			if err != nil {
				done <- ended{received: received{digest(n, h), err}}
				return
			}
			e, err := wire.ParseFrame(frame)
			if err != nil || e.Piece == nil {
				continue // texts: messages and heartbeats
			}
			if e.Piece.Offset != n {
				err = fmt.Errorf("a piece at %d, want %d", e.Piece.Offset, n)
			}
			h.Write(e.Piece.Bytes)
			n += int64(len(e.Piece.Bytes))
			if e.Piece.State != "" || err != nil {
				done <- ended{received{digest(n, h), err}, e.Piece.State, e.Piece.Reason}
				return
			}
		}
	}()
	return done
}

// A stream arrives whole, on its instance and on another, by GET and pushed.
func TestStreamArrives(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		const size = 50 << 20
		// Four consumers that compete for two processors are not equally fast, and none is to be
		// cut for that here.
		s, c := start(t, setup{relay: relay.Options{Stall: patience}}), named(t, "files")
		pushed, pushedThere := s.pushStream(t, c), s.desk().pushStream(t, c)
		from, to := io.Pipe()
		up := s.desk().sendStream(t, c, from)
		here, there := download(s.getStream(t, up.id), 0), download(s.desk().getStream(t, up.id), 0)
		go func() {
			io.Copy(to, bytesOf(size))
			to.Close()
		}()
		want := sum(size)
		for name, done := range map[string]<-chan received{"GET": here, "GET at the origin": there} {
			if got := <-done; got.err != nil || got.what != want {
				t.Errorf("%s: %s, want %s, and %v", name, got.what, want, got.err)
			}
		}
		for name, done := range map[string]<-chan ended{"pushed": pushed, "pushed at the origin": pushedThere} {
			if got := <-done; got.err != nil || got.what != want || got.state != "complete" {
				t.Errorf("%s: %s, want %s, %s %s, and %v", name, got.what, want, got.state, got.reason, got.err)
			}
		}
		if r := <-up.answer; r.status != 201 {
			t.Errorf("the sender was answered %d %s", r.status, r.body)
		}
		// A while later it is known by its length, and what is left of it can be had.
		resp, err := http.Get(fmt.Sprintf("%s/v1/streams/%s?from=%d&token=%s", s.url, up.id, size-100, s.token()))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if tail, err := io.ReadAll(resp.Body); err != nil || len(tail) != 100 {
			t.Errorf("%d: %d bytes, %v", resp.StatusCode, len(tail), err)
		}
		gone := s.do(t, request{path: "/v1/streams/" + up.id.String() + "?token=" + s.token()})
		if gone.refusal() != "410 stream_gone" {
			t.Errorf("from its beginning: %d %s", gone.status, gone.body)
		}
	})
}

// Whoever is subscribed learns of the beginning and the end, on every transport; a cut upload
// is reported as cut on every path.
func TestStreamsAreAnnounced(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			for _, whole := range []bool{true, false} {
				c := pubsub.Channel(fmt.Sprintf("%s-%t", named(t, "files"), whole))
				l := s.join(t, transport, raw.Options{Cursor: pubsub.Cursor{}.Set(c, s.end(t, c))})
				pushed := s.pushStream(t, c)
				from, to := io.Pipe()
				up := s.desk().sendStream(t, c, from)
				got := download(s.getStream(t, up.id), 0)
				io.Copy(to, bytesOf(1000))
				state, reason := pubsub.StreamComplete, ""
				if whole {
					to.Close()
				} else {
					state, reason = pubsub.StreamCut, "sender"
					to.CloseWithError(errors.New("broken off"))
				}
				if m := l.message(); m.Stream == nil || m.Stream.ID != up.id || m.Stream.State != pubsub.StreamBegins || m.Stream.Name != "a.bin" || m.Stream.Size != -1 {
					t.Fatalf("first came %+v", m.Stream)
				}
				if m := l.message(); m.Stream == nil || m.Stream.ID != up.id || m.Stream.State != state || m.Stream.Size > 1000 || whole && m.Stream.Size != 1000 {
					t.Fatalf("then came %+v", m.Stream)
				}
				if end := <-got; (end.err == nil) != whole {
					t.Errorf("GET: %s, %v", end.what, end.err)
				}
				if end := <-pushed; end.err != nil || end.state != wire.StateName(state) || end.reason != reason {
					t.Errorf("pushed: %s %s, %v", end.state, end.reason, end.err)
				}
			}
		})
	})
}

// A consumer that stands still is cut; the others, other channels and the sender go on.
func TestConsumerThatStandsStill(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		const size = 40 << 20
		s, c := start(t, setup{}), named(t, "files")
		from, to := io.Pipe()
		up := s.desk().sendStream(t, c, from)
		still := s.getStream(t, up.id) // of which nothing is read
		quick := download(s.desk().getStream(t, up.id), 0)
		socket := s.dial(t, "token="+s.token())
		socket.say(fmt.Sprintf(`{"type":"subscribe","ref":1,"channel":"%s","streams":true,"since":"0"}`, c))
		socket.answer("1")
		go func() {
			io.Copy(to, bytesOf(size))
			to.Close()
		}()
		// Meanwhile messages of other channels pass.
		j := s.journal(t, named(t, "orders"))
		l := s.join(t, raw.WebSocket, raw.Options{Cursor: j.behind(0)})
		j.write(t, 20)
		j.follow(t, l, 0)
		if got := <-quick; got.err != nil || got.what != sum(size) {
			t.Errorf("the one that reads: %s, %v", got.what, got.err)
		}
		if r := <-up.answer; r.status != 201 {
			t.Errorf("the sender was answered %d %s", r.status, r.body)
		}
		if n, err := io.Copy(io.Discard, still.Body); err == nil || n >= size {
			t.Errorf("the one that stood still got %d bytes, and %v", n, err)
		}
		for {
			frame, err := socket.hear()
			if err != nil {
				t.Fatalf("the WebSocket that stood still ended with %v", err)
			}
			if e, err := wire.ParseFrame(frame); err == nil && e.Piece != nil && e.Piece.State != "" {
				if e.Piece.State != "cut" || e.Piece.Reason != "too_slow" {
					t.Errorf("it was told %s %s", e.Piece.State, e.Piece.Reason)
				}
				return
			}
		}
	})
}

// One that reads at a tenth of the speed holds up the others for a few seconds at most.
func TestSlowConsumer(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		const size = 60 << 20
		s, c := start(t, setup{}), named(t, "files")
		from, to := io.Pipe()
		up := s.desk().sendStream(t, c, from)
		quick := download(s.desk().getStream(t, up.id), 5*time.Millisecond) // some 12 MiB/s: five seconds
		slow := download(s.getStream(t, up.id), 50*time.Millisecond)        // 50 seconds
		began := time.Now()
		go func() {
			io.Copy(to, bytesOf(size))
			to.Close()
		}()
		if got := <-quick; got.err != nil || got.what != sum(size) {
			t.Errorf("the quick one: %s, %v", got.what, got.err)
		}
		// Not a limit of time: the slow one alone would have taken longer than this.
		if took := time.Since(began); took > 35*time.Second {
			t.Errorf("the quick one was held up for %v", took)
		}
		if got := <-slow; got.err == nil && time.Since(began) < 35*time.Second {
			t.Errorf("the slow one got all of it: %s", got.what)
		}
	})
}

// Redis is away for two seconds: streams over it stall, and go on.
func TestStreamWhileRedisIsFrozen(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	s := pair(instance(t, redis.Addr(), setup{}), instance(t, redis.Addr(), setup{}))
	const size = 20 << 20
	from, to := io.Pipe()
	up := s.peer.sendStream(t, named(t, "files"), from)
	got := download(s.getStream(t, up.id), 0)
	io.Copy(to, io.LimitReader(bytesOf(size), 5<<20))
	redis.Freeze()
	time.AfterFunc(2*time.Second, redis.Thaw)
	rest := bytesOf(size)
	io.CopyN(io.Discard, rest, 5<<20)
	io.Copy(to, rest)
	to.Close()
	if end := <-got; end.err != nil || end.what != sum(size) {
		t.Errorf("%s, %v", end.what, end.err)
	}
	if r := <-up.answer; r.status != 201 {
		t.Errorf("the sender was answered %d %s", r.status, r.body)
	}
}

// The instance that a stream is sent to is killed: consumers elsewhere are told. One that
// consumes is killed: the stream goes on.
func TestStreamsAndKilledInstances(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	stays := instance(t, redis.Addr(), setup{})
	p := run(t, "WSBRIDGE_REDIS_URL=redis://"+redis.Addr())
	c := named(t, "files")

	from, to := io.Pipe()
	up := stays.sendStream(t, c, from)
	remote := download(p.getStream(t, up.id), 0)
	local := download(stays.getStream(t, up.id), 0)
	io.Copy(to, bytesOf(1<<20))

	toProcess, feeding := io.Pipe()
	other := pubsub.Channel(c + "-2")
	lost := p.sendStream(t, other, toProcess)
	pushed := stays.pushStream(t, other+"-3") // another's, to see that it is not touched
	told := download(stays.getStream(t, lost.id), 0)
	io.Copy(feeding, bytesOf(1<<20))

	if err := p.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if end := <-told; end.err == nil {
		t.Errorf("the answer ended as if it were whole, with %s", end.what)
	}
	if end := <-remote; end.err == nil {
		t.Errorf("that of the killed instance: %s", end.what)
	}
	rest := bytesOf(30 << 20)
	io.CopyN(io.Discard, rest, 1<<20)
	io.Copy(to, rest)
	to.Close()
	if end := <-local; end.err != nil || end.what != sum(30<<20) {
		t.Errorf("%s, %v", end.what, end.err)
	}
	next, feed := io.Pipe()
	stays.sendStream(t, other+"-3", next)
	feed.Close()
	if end := <-pushed; end.state != "complete" {
		t.Errorf("a stream of another channel: %+v", end)
	}
}

// SIGTERM: a stream that ends in time is finished, one that does not is cut, and both are told.
func TestStreamsWhileTheServerStops(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	stays := instance(t, redis.Addr(), setup{})
	p := run(t, "WSBRIDGE_REDIS_URL=redis://"+redis.Addr(), "WSBRIDGE_DRAIN_DELAY=100ms", "WSBRIDGE_DRAIN=1s")
	c := named(t, "files")
	ends, feed := io.Pipe()
	whole := p.sendStream(t, c, ends)
	never, trickle := io.Pipe()
	cut := p.sendStream(t, c+"-cut", never)
	got, gotCut := download(stays.getStream(t, whole.id), 0), download(stays.getStream(t, cut.id), 0)
	io.Copy(trickle, bytesOf(1000))
	p.terminate(t)
	until(t, "it drains", func() bool { return p.do(t, request{path: "/readyz"}).refusal() == "503 draining" })
	io.Copy(feed, bytesOf(5<<20))
	feed.Close()
	if end := <-got; end.err != nil || end.what != sum(5<<20) {
		t.Errorf("the one that ends: %s, %v", end.what, end.err)
	}
	if r := <-whole.answer; r.status != 201 {
		t.Errorf("its sender was answered %d %s", r.status, r.body)
	}
	if end := <-gotCut; end.err == nil {
		t.Errorf("the one that does not: %s", end.what)
	}
	until(t, "its end is published", func() bool {
		all := stays.streamsOf(t, c+"-cut")
		return len(all) == 2 && all[1].State == "cut"
	})
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
}

// What a stream costs when nobody takes it: its sender waits once, and the window goes on.
func TestStreamThatNobodyConsumes(t *testing.T) {
	t.Parallel()
	s, c := start(t, setup{relay: relay.Options{Stall: time.Second}}), named(t, "files")
	const size = 12 << 20
	up := s.sendStream(t, c, bytesOf(size))
	r := <-up.answer
	var answer struct{ Size int64 }
	if err := json.Unmarshal(r.body, &answer); r.status != 201 || err != nil || answer.Size != size {
		t.Errorf("%d %s", r.status, r.body)
	}
	if got := s.do(t, request{path: "/v1/streams/" + up.id.String() + "?token=" + s.token()}); got.refusal() != "410 stream_gone" {
		t.Errorf("%d %s", got.status, got.body)
	}
}
