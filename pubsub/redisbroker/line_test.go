package redisbroker

import (
	"context"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// follow follows channels, side by side.
func (s *subject) follow(channels ...pubsub.Channel) {
	s.t.Helper()
	var wg sync.WaitGroup
	for _, c := range channels {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(context.Background(), pubsubtest.Patience)
			defer cancel()
			if _, err := s.Follow(ctx, c); err != nil {
				s.t.Errorf("Follow: %v", err)
			}
		})
	}
	wg.Wait()
}

// A flood publishes to channels in turn until it is stopped, and repeats what failed.
type flood struct {
	mu   sync.Mutex
	sent map[pubsub.Channel][]string
	stop context.CancelFunc
	wg   sync.WaitGroup
}

func pour(s *subject, channels []pubsub.Channel) *flood {
	ctx, cancel := context.WithCancel(context.Background())
	f := &flood{sent: make(map[pubsub.Channel][]string), stop: cancel}
	f.wg.Go(func() {
		for i := 0; ctx.Err() == nil; i++ {
			c := channels[i%len(channels)]
			p := pubsubtest.NewPublication(c, strconv.Itoa(i))
			p.Key = strconv.Itoa(i)
			for ctx.Err() == nil {
				if _, err := s.Publish(context.Background(), p); err == nil {
					f.mu.Lock()
					f.sent[c] = append(f.sent[c], strconv.Itoa(i))
					f.mu.Unlock()
					break
				}
				time.Sleep(5 * time.Millisecond)
			}
		}
	})
	return f
}

// end stops the flood and returns what was acknowledged of each channel.
func (f *flood) end() map[pubsub.Channel][]string {
	f.stop()
	f.wg.Wait()
	return f.sent
}

func (f *flood) count() (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, texts := range f.sent {
		n += len(texts)
	}
	return n
}

// await waits until n more were acknowledged.
func (f *flood) await(t testing.TB, n int) {
	t.Helper()
	n += f.count()
	until(t, "publishes", func() bool { return f.count() >= n })
}

// expectAll waits for what a flood sent, and for no gap.
func (r *reader) expectAll(sent map[pubsub.Channel][]string) {
	r.t.Helper()
	for c, want := range sent {
		until(r.t, "the last message of "+string(c), func() bool {
			got := r.got(c)
			return len(got) > 0 && got[len(got)-1] == want[len(want)-1]
		})
		// What was sent when the flood stopped may be stored without having been acknowledged.
		got := r.got(c)
		same(r.t, "the messages of "+string(c), want, got[:min(len(want), len(got))])
	}
	same(r.t, "gaps", 0, len(r.gaps()))
}

func TestKilledLinesLoseNothing(t *testing.T) {
	server := redistest.Start(t)
	w, r := start(t, server), read(t, server)
	many := names(20)
	r.follow(many...)
	f := pour(w, many)
	killed := 0
	for range 10 {
		f.await(t, 100)
		killed += server.ClientKill("pubsub")
		until(t, "the lines", func() bool { return len(server.List("PUBSUB", "CHANNELS", "*~*")) == 4 })
	}
	sent := f.end()
	r.expectAll(sent)
	if killed < 20 {
		t.Errorf("%d lines were killed", killed)
	}
	stats := r.lines.stats()
	t.Logf("%d lines were killed under %d publishes: %+v", killed, f.count(), stats)
	until(t, "the reconnects", func() bool { return r.lines.stats().Reconnects >= 20 })
}

// TestQuietLoss lets a line be away while a message is appended, and nothing after it: only
// reading the ends of logs tells. Without that, the message is lost.
func TestQuietLoss(t *testing.T) {
	for _, broken := range []bool{false, true} {
		t.Run("noCatchUp "+strconv.FormatBool(broken), func(t *testing.T) {
			server := redistest.Start(t)
			proxy := redistest.NewProxy(t, server.Addr())
			w, r := start(t, server), readWith(t, nil, flaws{noCatchUp: broken}, through(proxy))
			r.follow("a", "b")
			w.send("a", "1")
			r.expect("a", "1")

			proxy.Redirect("127.0.0.1:1") // where nobody listens
			proxy.Cut()
			w.send("a", "2")
			proxy.Redirect(server.Addr())
			until(t, "the lines", func() bool { return r.lines.stats().Reconnects == 2 })
			r.awaitState(pubsub.Up)

			if !broken {
				r.expect("a", "1", "2")
				same(t, "breaks", 1, r.broken())
				return
			}
			// The ends are read, since nobody waits in vain for that: b is new.
			r.Unfollow("b")
			r.follow("b")
			w.send("b", "1")
			r.expect("b", "1")
			same(t, "breaks", 0, r.broken())
			same(t, "what was read", []string{"1"}, r.got("a"))
		})
	}
}

// TestManyChannelsOnOneLine kills a line that carries many channels. Those that missed
// something are told, in few round trips, and the other line is not disturbed.
func TestManyChannelsOnOneLine(t *testing.T) {
	server := redistest.Start(t)
	w, s := start(t, server), start(t, server)
	many := names(10_000)
	for group := range slices.Chunk(many, 2000) {
		s.follow(group...)
	}
	commands := infoNumber(server, "cmdstat_subscribe:calls=")
	reads := infoNumber(server, "total_reads_processed:")

	lines := s.lines.nodes[""].lines
	was := lines[1].connected()
	lines[0].close(lines[0].connected(), errMute)
	var missed []pubsub.Channel
	for i := 0; len(missed) < 100; i++ {
		if c := many[i]; slot(string(c))%2 == 0 {
			missed = append(missed, c)
			w.send(c, "x")
		}
	}
	for _, c := range missed {
		s.recorder.Wait(t, "a break or the message", func() bool { return len(s.recorder.Events(c)) > 0 })
	}
	until(t, "the line", func() bool { return s.lines.stats().Reconnects == 1 })
	commands = infoNumber(server, "cmdstat_subscribe:calls=") - commands
	reads = infoNumber(server, "total_reads_processed:") - reads
	t.Logf("a line of %d channels is back after %d commands to subscribe, and %d reads of sockets in all", len(many)/2, commands, reads)
	if commands > 20 || reads > 2000 {
		t.Errorf("a line of %d channels is back after %d commands to subscribe, and %d reads of sockets in all", len(many)/2, commands, reads)
	}
	if lines[1].connected() != was {
		t.Error("the other line was disturbed")
	}
}

// TestOneConnectionForAnother sees that go-redis does not connect again by itself when a line
// is lost: it would subscribe to everything once more.
func TestOneConnectionForAnother(t *testing.T) {
	run := func(t *testing.T, server *redistest.Server, change ...func(*Options)) {
		s := start(t, server, change...)
		s.follow(names(20)...)
		before := infoNumber(server, "cmdstat_subscribe:calls=")
		same(t, "lines that were killed", 2, server.ClientKill("pubsub"))
		until(t, "the lines", func() bool { return s.lines.stats().Reconnects == 2 })
		same(t, "commands", 2*2, infoNumber(server, "cmdstat_subscribe:calls=")-before) // what it carries, and the canary's topic
	}
	t.Run("TCP", func(t *testing.T) { run(t, redistest.Start(t)) })
	t.Run("TLS", func(t *testing.T) {
		server, settings := redistest.StartTLS(t)
		run(t, server, func(o *Options) { o.TLS = settings })
	})
}
