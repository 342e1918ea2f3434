package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

func names(n int) []pubsub.Channel {
	names := make([]pubsub.Channel, n)
	for i := range names {
		names[i] = pubsub.Channel("c" + strconv.Itoa(i))
	}
	return names
}

// infoNumber returns a number that INFO tells.
func infoNumber(s *redistest.Server, field string) int {
	for line := range strings.Lines(s.Do("INFO", "everything")) {
		if value, ok := strings.CutPrefix(line, field); ok {
			var n int
			fmt.Sscanf(value, "%d", &n)
			return n
		}
	}
	return 0
}

func TestFollowsShareCommandsAndPipelines(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	many := names(2000)
	reads := infoNumber(server, "total_reads_processed:")
	s.follow(many...)
	commands := infoNumber(server, "cmdstat_subscribe:calls=")
	reads = infoNumber(server, "total_reads_processed:") - reads
	t.Logf("%d follows took %d commands to subscribe, and %d reads of sockets in all", len(many), commands, reads)
	if commands > len(many)/10 || reads > len(many)/2 {
		t.Errorf("%d follows took %d commands to subscribe, and %d reads of sockets in all", len(many), commands, reads)
	}
	w := start(t, server)
	for _, c := range many[:50] {
		w.send(c, "x")
		s.recorder.WaitMessages(t, c, 1)
		same(t, "events", 1, len(s.recorder.Events(c)))
	}
}

func TestFollowOfWhatIsFollowed(t *testing.T) {
	server := redistest.Start(t)
	r := read(t, server)
	r.follow("a")
	want := start(t, server).send("a", "1").Pos
	end, err := r.Follow(t.Context(), "a")
	if err != nil {
		t.Fatal(err)
	}
	same(t, "the end", want, end)
	r.expect("a", "1")
	same(t, "channels", []pubsub.Channel{"a"}, r.lines.channels())
}

func TestFollowsOfOneChannelAtOnce(t *testing.T) {
	server := redistest.Start(t)
	w, s := start(t, server), start(t, server)
	m := w.send("a", "1")
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if end, err := s.Follow(t.Context(), "a"); err != nil || end != m.Pos {
				t.Errorf("Follow: %v, %v", end, err)
			}
		})
	}
	wg.Wait()
	w.send("a", "2")
	s.recorder.WaitMessages(t, "a", 1)
}

// TestFollowAndUnfollowInHaste has channels come and go while they are published to: whoever
// follows gets everything behind the end that Follow returned.
func TestFollowAndUnfollowInHaste(t *testing.T) {
	server := redistest.Start(t)
	w, r := start(t, server), read(t, server)
	var wg sync.WaitGroup
	for _, c := range names(8) {
		wg.Go(func() {
			for i := range 50 {
				r.follow(c)
				if t.Failed() {
					return
				}
				text := strconv.Itoa(i)
				w.send(c, text)
				r.expect(c, text)
				r.Unfollow(c)
				w.send(c, "nobody's")
			}
		})
	}
	wg.Wait()
	same(t, "channels", 0, len(r.lines.channels()))
	// Nothing stays subscribed but the canaries.
	until(t, "the topics", func() bool { return len(server.List("PUBSUB", "CHANNELS", "*{c*")) == 0 })
}

func TestFollowWhileRedisIsAway(t *testing.T) {
	server := redistest.Start(t)
	r := read(t, server)
	server.Kill()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, err := r.Follow(ctx, "a"); !errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("Follow: %v, want %v", err, pubsub.ErrUnavailable)
	}
	same(t, "channels", 0, len(r.lines.channels()))
	server.Restart()
	r.follow("a") // waits until it is back
	start(t, server).send("a", "1")
	r.expect("a", "1")
}

func TestFollowEndsWithClose(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	server.Kill()
	failed := make(chan error, 1)
	go func() {
		_, err := s.Follow(context.Background(), "a")
		failed <- err
	}()
	until(t, "Follow", func() bool { return len(s.lines.channels()) == 1 })
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, pubsub.ErrClosed) {
		t.Errorf("Follow: %v, want %v", err, pubsub.ErrClosed)
	}
}

// TestNothingIsAnnouncedAfterClose closes a broker under traffic; its reader complains.
func TestNothingIsAnnouncedAfterClose(t *testing.T) {
	server := redistest.Start(t)
	w := start(t, server)
	for range 5 {
		t.Run("", func(t *testing.T) {
			r := read(t, server)
			r.follow(names(10)...)
			ctx, cancel := context.WithCancel(t.Context())
			wait := new(traffic).run(ctx, t, w.Broker, 10)
			defer wait()
			defer cancel()
			until(t, "an announcement", func() bool { return r.lines.stats().Announcements > 100 })
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			r.mu.Lock()
			r.closed = true
			r.mu.Unlock()
		})
	}
}

// A log that cannot be read must not keep those that are asked for with it.
func TestFollowBesideADamagedLog(t *testing.T) {
	server := redistest.Start(t)
	r := read(t, server)
	server.Do("SET", r.keys.record("c13"), "damaged")
	var wg sync.WaitGroup
	for _, c := range names(40) {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), pubsubtest.Patience)
			defer cancel()
			_, err := r.Follow(ctx, c)
			if (err != nil) != (c == "c13") || ctx.Err() != nil {
				t.Errorf("Follow of %s: %v", c, err)
			}
		})
	}
	wg.Wait()
	same(t, "channels", 39, len(r.lines.channels()))
}

func TestAnnouncementOfANewerVersion(t *testing.T) {
	server := redistest.Start(t)
	var log logs
	r := read(t, server, log.take)
	r.follow("a")
	for range 3 {
		server.Do("PUBLISH", r.keys.topic("a"), "\x02mwhatever")
	}
	until(t, "the breaks", func() bool { return r.broken() == 3 })
	same(t, "breaks that are counted", 3, int(r.lines.stats().Breaks["format"]))
	same(t, "complaints", 1, strings.Count(log.String(), "upgrade this instance"))
}

func TestPurgeIsABreakInItsPlace(t *testing.T) {
	server := redistest.Start(t)
	w, s := start(t, server), start(t, server)
	if _, err := s.Follow(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	first := w.send("a", "1")
	if _, err := w.Purge(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	second := w.send("a", "2")
	s.recorder.WaitMessages(t, "a", 2)
	// Who reviews the log in that moment sees the purge as well, and a second break in the same place
	// tells nothing new.
	events := slices.CompactFunc(s.recorder.Events("a"), func(a, b pubsubtest.Event) bool { return a.Message == nil && b.Message == nil })
	same(t, "events", []pubsubtest.Event{{Message: first}, {}, {Message: second}}, events)
}
