package relay_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/wsbridge/wsbridge/bridge/relay"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
)

const kib, mib = 1 << 10, 1 << 20

// newRelay returns a relay that lives as long as the test.
func newRelay(t *testing.T, o relay.Options) *relay.Relay {
	t.Helper()
	r := relay.New(o)
	t.Cleanup(r.Close)
	return r
}

// pair returns the relays of two instances.
func pair(t *testing.T, o relay.Options) (a, b *relay.Relay) {
	t.Helper()
	var post membroker.Post
	o.Exchange = post.Instance("a")
	a = newRelay(t, o)
	o.Exchange = post.Instance("b")
	return a, newRelay(t, o)
}

func send(t *testing.T, r *relay.Relay, size int64) *relay.Sender {
	t.Helper()
	w, err := r.Send(t.Context(), relay.Info{Channel: "files:1", Type: "text/plain", Size: size}, "")
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func join(t *testing.T, r *relay.Relay, id uuid.UUID, from int64) *relay.Consumer {
	t.Helper()
	c, err := r.Join(id, from, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// noise returns bytes of which no two places look alike.
func noise(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8(sha256.Sum256([]byte("stream"))).Read(b)
	return b
}

// readAll reads until the end, with pauses.
func readAll(ctx context.Context, c *relay.Consumer, pause time.Duration) ([]byte, error) {
	var all []byte
	buf := make([]byte, 32*kib)
	for {
		n, err := c.Read(ctx, buf)
		all = append(all, buf[:n]...)
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		time.Sleep(pause)
	}
}

func reasonOf(t *testing.T, err error) relay.Reason {
	t.Helper()
	cut := (*relay.CutError)(nil)
	if !errors.As(err, &cut) {
		t.Fatalf("the consumer ended with %v, not cut", err)
	}
	return cut.Reason
}

// result is how a consumer ended.
type result struct {
	all  []byte
	err  error
	took time.Duration
}

func reading(ctx context.Context, c *relay.Consumer, pause time.Duration) <-chan result {
	out := make(chan result, 1)
	start := time.Now()
	go func() {
		all, err := readAll(ctx, c, pause)
		out <- result{all, err, time.Since(start)}
	}()
	return out
}

func TestEveryByteArrivesInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, size := range []int64{-1, 20*mib + 17} {
			r := newRelay(t, relay.Options{})
			w := send(t, r, size)
			sent := noise(20*mib + 17)
			fast := reading(t.Context(), join(t, r, w.ID(), 0), 0)
			steady := reading(t.Context(), join(t, r, w.ID(), 0), time.Millisecond)
			for rest := sent; len(rest) > 0; {
				n := min(len(rest), 100*kib+1)
				if err := w.Write(t.Context(), rest[:n]); err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			if !w.Complete() {
				t.Fatal("the stream was cut")
			}
			for _, got := range []result{<-fast, <-steady} {
				if got.err != nil || !bytes.Equal(got.all, sent) {
					t.Fatalf("%d of %d bytes arrived as sent, and %v", len(got.all), len(sent), got.err)
				}
			}
		}
	})
}

func TestOverTwoInstances(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t, relay.Options{})
		w := send(t, a, -1)
		sent := noise(20*mib + 17)
		info, err := b.Lookup(t.Context(), w.ID())
		if err != nil || info.Channel != "files:1" || info.Type != "text/plain" {
			t.Fatalf("the record is %+v, %v", info, err)
		}
		there := reading(t.Context(), join(t, b, w.ID(), 0), 0)
		here := reading(t.Context(), join(t, a, w.ID(), 0), time.Millisecond)
		if err := w.Write(t.Context(), sent); err != nil {
			t.Fatal(err)
		}
		w.Complete()
		for _, got := range []result{<-there, <-here} {
			if got.err != nil || !bytes.Equal(got.all, sent) {
				t.Fatalf("%d of %d bytes arrived as sent, and %v", len(got.all), len(sent), got.err)
			}
		}
	})
}

func TestOneWhoStandsStillIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRelay(t, relay.Options{})
		w := send(t, r, -1)
		still := join(t, r, w.ID(), 0)
		fast := reading(t.Context(), join(t, r, w.ID(), 0), 0)
		start := time.Now()
		if err := w.Write(t.Context(), noise(10*mib)); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 5*time.Second || took > 5*time.Second+200*time.Millisecond {
			t.Errorf("the sender waited %v", took)
		}
		w.Complete()
		if got := <-fast; got.err != nil || len(got.all) != 10*mib {
			t.Errorf("the other got %d bytes, and %v", len(got.all), got.err)
		}
		_, err := readAll(t.Context(), still, 0)
		if reason := reasonOf(t, err); reason != relay.TooSlow {
			t.Errorf("it was told %q", reason)
		}
	})
}

func TestSlowOnesHoldUpOthersForFiveSecondsInAll(t *testing.T) {
	for _, slow := range []int{1, 2, 8} {
		synctest.Test(t, func(t *testing.T) {
			r := newRelay(t, relay.Options{})
			w := send(t, r, -1)
			fast := reading(t.Context(), join(t, r, w.ID(), 0), time.Millisecond)
			var others []<-chan result
			for i := range slow {
				others = append(others, reading(t.Context(), join(t, r, w.ID(), 0), time.Duration(10+i)*10*time.Millisecond))
			}
			sent := noise(40 * mib) // alone, the fast one takes 1.28 s
			if err := w.Write(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
			w.Complete()
			got := <-fast
			if got.err != nil || !bytes.Equal(got.all, sent) {
				t.Fatalf("the fast one got %d bytes, and %v", len(got.all), got.err)
			}
			if got.took > 8*time.Second {
				t.Errorf("%d slow ones held it up: it took %v", slow, got.took)
			}
			for _, o := range others {
				if reason := reasonOf(t, (<-o).err); reason != relay.TooSlow {
					t.Errorf("a slow one was told %q", reason)
				}
			}
		})
	}
}

func TestSlowOnesAlonePaceTheSender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRelay(t, relay.Options{})
		w := send(t, r, -1)
		sent := noise(20 * mib)
		one := reading(t.Context(), join(t, r, w.ID(), 0), 100*time.Millisecond)
		other := reading(t.Context(), join(t, r, w.ID(), 0), 100*time.Millisecond)
		if err := w.Write(t.Context(), sent); err != nil {
			t.Fatal(err)
		}
		w.Complete()
		for _, got := range []result{<-one, <-other} {
			if got.err != nil || !bytes.Equal(got.all, sent) {
				t.Errorf("%d bytes arrived, and %v", len(got.all), got.err)
			}
		}
	})
}

func TestNobodyConsumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRelay(t, relay.Options{})
		w := send(t, r, -1)
		sent := noise(30 * mib)
		start := time.Now()
		if err := w.Write(t.Context(), sent); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took < 5*time.Second || took > 5*time.Second+200*time.Millisecond {
			t.Errorf("the sender waited %v for a consumer", took)
		}
		w.Complete()
		_, err := r.Join(w.ID(), 0, nil)
		cut := (*relay.CutError)(nil)
		if !errors.As(err, &cut) || cut.Reason != relay.Gone || cut.Start != 26*mib {
			t.Fatalf("joining from the start: %v", err)
		}
		got, err := readAll(t.Context(), join(t, r, w.ID(), cut.Start), 0)
		if err != nil || !bytes.Equal(got, sent[cut.Start:]) {
			t.Errorf("%d bytes of the window, and %v", len(got), err)
		}
		time.Sleep(31 * time.Second)
		if _, err := r.Join(w.ID(), 30*mib, nil); !errors.Is(err, relay.ErrUnknown) {
			t.Errorf("after its time: %v", err)
		}
		if _, _, memory := r.Load(); memory != 0 {
			t.Errorf("%d bytes stay reserved", memory)
		}
	})
}

func TestCutBySender(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t, relay.Options{})
		w := send(t, a, 10*mib)
		here, there := join(t, a, w.ID(), 0), join(t, b, w.ID(), 0)
		if err := w.Write(t.Context(), noise(3*mib)); err != nil {
			t.Fatal(err)
		}
		w.Cut(relay.BySender)
		for _, c := range []*relay.Consumer{here, there} {
			got, err := readAll(t.Context(), c, 0)
			if reason := reasonOf(t, err); reason != relay.BySender || !bytes.Equal(got, noise(3*mib)) {
				t.Errorf("%d bytes, then %q", len(got), reason)
			}
		}
	})
}

func TestBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRelay(t, relay.Options{Senders: 3, PerSender: 2, Consumers: 2, Memory: 10 * mib})
		info := relay.Info{Channel: "a", Size: -1}
		first, err := r.Send(t.Context(), info, "ann")
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Send(t.Context(), info, "ann"); err != nil {
			t.Fatal(err)
		}
		if _, err = r.Send(t.Context(), info, "ann"); !errors.Is(err, relay.ErrTooMany) {
			t.Errorf("a third of one owner: %v", err)
		}
		if _, err = r.Send(t.Context(), info, "bob"); !errors.Is(err, relay.ErrFull) {
			t.Errorf("beyond the memory: %v", err)
		}
		join(t, r, first.ID(), 0).Close()
		join(t, r, first.ID(), 0)
		join(t, r, first.ID(), 0)
		if _, err = r.Join(first.ID(), 0, nil); !errors.Is(err, relay.ErrFull) {
			t.Errorf("a third consumer: %v", err)
		}
	})
}

func TestEndedWindowsLeaveWhenMemoryIsWanted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRelay(t, relay.Options{Memory: 8 * mib})
		var ids []uuid.UUID
		for range 3 {
			w := send(t, r, 4*mib)
			if err := w.Write(t.Context(), noise(4*mib)); err != nil {
				t.Fatal(err)
			}
			w.Complete()
			ids = append(ids, w.ID())
			time.Sleep(time.Second)
		}
		if _, err := r.Join(ids[0], 0, nil); !errors.Is(err, relay.ErrUnknown) {
			t.Errorf("the oldest: %v", err)
		}
		for _, id := range ids[1:] {
			join(t, r, id, 0)
		}
	})
}

// lossy is an exchange that loses, doubles and holds back datagrams.
type lossy struct {
	pubsub.Exchange
	rng   *rand.Rand
	freed atomic.Int64 // nothing passes before, in Unix nanoseconds
}

func (x *lossy) Send(ctx context.Context, to string, d []byte) error {
	if time.Now().UnixNano() < x.freed.Load() {
		return pubsub.ErrUnavailable
	}
	switch x.rng.IntN(10) {
	case 0:
		return nil
	case 1:
		if err := x.Exchange.Send(ctx, to, d); err != nil {
			return err
		}
	}
	return x.Exchange.Send(ctx, to, d)
}

func TestLostAndDoubledDatagrams(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var post membroker.Post
		a := newRelay(t, relay.Options{Exchange: &lossy{Exchange: post.Instance("a"), rng: rand.New(rand.NewPCG(1, 2))}})
		b := newRelay(t, relay.Options{Exchange: post.Instance("b")})
		w := send(t, a, -1)
		sent := noise(8 * mib)
		there := reading(t.Context(), join(t, b, w.ID(), 0), 0)
		if err := w.Write(t.Context(), sent); err != nil {
			t.Fatal(err)
		}
		w.Complete()
		if got := <-there; got.err != nil || !bytes.Equal(got.all, sent) {
			t.Errorf("%d bytes, and %v", len(got.all), got.err)
		}
	})
}

func TestExchangeAwayForTwoSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var post membroker.Post
		away := &lossy{Exchange: post.Instance("a"), rng: rand.New(rand.NewPCG(1, 2))}
		a := newRelay(t, relay.Options{Exchange: away})
		b := newRelay(t, relay.Options{Exchange: post.Instance("b")})
		w := send(t, a, -1)
		sent := noise(8 * mib)
		there := reading(t.Context(), join(t, b, w.ID(), 0), 0)
		if err := w.Write(t.Context(), sent[:mib]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		away.freed.Store(time.Now().Add(2 * time.Second).UnixNano())
		if err := w.Write(t.Context(), sent[mib:]); err != nil {
			t.Fatal(err)
		}
		w.Complete()
		if got := <-there; got.err != nil || !bytes.Equal(got.all, sent) {
			t.Errorf("%d bytes, and %v", len(got.all), got.err)
		}
	})
}

func TestLostOriginAndLostMirror(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var post membroker.Post
		a := newRelay(t, relay.Options{Exchange: post.Instance("a")})
		b := newRelay(t, relay.Options{Exchange: post.Instance("b")})
		w := send(t, a, -1)
		there, here := join(t, b, w.ID(), 0), join(t, a, w.ID(), 0)
		if err := w.Write(t.Context(), noise(mib)); err != nil {
			t.Fatal(err)
		}
		got := reading(t.Context(), there, 0)
		alone := reading(t.Context(), here, 0)
		time.Sleep(time.Second)
		post.Instance("a") // takes the place of the old one, which hears nothing any more
		start := time.Now()
		end := <-got
		if reason := reasonOf(t, end.err); reason != relay.Unavailable || len(end.all) != mib {
			t.Errorf("%d bytes, then %q", len(end.all), reason)
		}
		if took := time.Since(start); took > 12*time.Second {
			t.Errorf("it was told after %v", took)
		}
		// The origin is not held up by who has gone.
		if err := w.Write(t.Context(), noise(20*mib)); err != nil {
			t.Fatal(err)
		}
		w.Complete()
		if end := <-alone; end.err != nil || len(end.all) != 21*mib {
			t.Errorf("%d bytes on the origin, and %v", len(end.all), end.err)
		}
	})
}

// Who is told of a stream and is a little late still gets it from its beginning, however fast
// another one is.
func TestBeginningIsKeptForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := pair(t, relay.Options{})
		w := send(t, a, -1)
		sent := noise(12 * mib)
		first := reading(t.Context(), join(t, a, w.ID(), 0), 0)
		wrote := make(chan error, 1)
		go func() { wrote <- w.Write(context.Background(), sent) }()
		time.Sleep(900 * time.Millisecond)
		late := reading(t.Context(), join(t, b, w.ID(), 0), 0)
		if err := <-wrote; err != nil {
			t.Fatal(err)
		}
		w.Complete()
		for _, got := range []result{<-first, <-late} {
			if got.err != nil || !bytes.Equal(got.all, sent) {
				t.Errorf("%d bytes arrived, and %v", len(got.all), got.err)
			}
		}
	})
}
