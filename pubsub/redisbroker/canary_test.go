package redisbroker

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
)

// TestMuteLines swallows what comes over lines that look alive. Clients are served from the
// logs all the while, and everything is as before when the lines are back.
func TestMuteLines(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	w, r := start(t, server), read(t, nil, through(proxy))
	r.follow("a")
	w.send("a", "1")
	r.expect("a", "1")
	same(t, "breaks", 0, r.broken())

	proxy.Mute(true)
	w.send("a", "2")
	began := time.Now()
	r.awaitState(pubsub.Degraded)
	t.Logf("found out after %v", time.Since(began).Round(time.Millisecond))
	r.expect("a", "1", "2")
	w.send("a", "3")
	r.expect("a", "1", "2", "3")
	same(t, "dead lines", 2, r.lines.stats().LinesDead)

	// Without announcements, a channel is followed all the same.
	r.follow("b")
	w.send("b", "1")
	r.expect("b", "1")
	same(t, "the state", pubsub.Degraded, r.Status().State)

	proxy.Mute(false)
	r.awaitState(pubsub.Up)
	breaks := r.lines.stats().Breaks["poll"]
	if breaks == 0 {
		t.Error("no break is counted")
	}
	announced := r.lines.stats().Announcements
	w.send("a", "4")
	w.send("b", "2")
	r.expect("a", "1", "2", "3", "4")
	r.expect("b", "1", "2")
	until(t, "the announcements", func() bool { return r.lines.stats().Announcements == announced+2 })
	same(t, "gaps", 0, len(r.gaps()))
}

// Without canaries nobody notices: what is swallowed is lost until something else is announced.
func TestMuteLinesWithoutCanary(t *testing.T) {
	server := redistest.Start(t)
	proxy := redistest.NewProxy(t, server.Addr())
	w, r := start(t, server), readWith(t, nil, flaws{noCanary: true}, through(proxy))
	other := neighbour("a", 2)
	r.follow("a", other)
	watched := read(t, nil, through(proxy))
	proxy.Mute(true)
	w.send("a", "1")
	watched.awaitState(pubsub.Degraded) // with canaries, it is noticed by now
	proxy.Mute(false)
	w.send(other, "1")
	r.expect(other, "1")
	same(t, "the state", pubsub.Up, r.Status().State)
	same(t, "breaks", 0, r.broken())
	same(t, "what was read", 0, len(r.got("a")))
}

// neighbour returns a channel on the same of n lines.
func neighbour(c pubsub.Channel, n int) pubsub.Channel {
	for _, other := range names(100) {
		if slot(string(other))%n == slot(string(c))%n {
			return other
		}
	}
	return ""
}

// TestFrozenRedis stops the server for longer than anybody waits. Lines that stand through it
// lose nothing.
func TestFrozenRedis(t *testing.T) {
	server := redistest.Start(t)
	w, r := start(t, server), read(t, server)
	many := names(4)
	r.follow(many...)
	f := pour(w, many)
	f.await(t, 100)
	server.Freeze()
	r.awaitState(pubsub.Down)
	server.Thaw()
	r.awaitState(pubsub.Up)
	f.await(t, 100)
	r.expectAll(f.end())
	same(t, "reconnects", 0, int(r.lines.stats().Reconnects))
}

func TestRestartedRedis(t *testing.T) {
	server := redistest.Start(t, "--appendonly", "yes", "--appendfsync", "always")
	w, r := start(t, server), read(t, server)
	many := names(4)
	r.follow(many...)
	f := pour(w, many)
	f.await(t, 100)
	server.Kill()
	r.awaitState(pubsub.Down)
	server.Restart()
	r.awaitState(pubsub.Up)
	f.await(t, 100)
	r.expectAll(f.end())
	same(t, "reconnects", 2, int(r.lines.stats().Reconnects))
}

// TestLoadingRedis is one that answers, and announces, while it still reads its file.
func TestLoadingRedis(t *testing.T) {
	server := redistest.Start(t, "--appendonly", "yes", "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024")
	w, r := start(t, server), read(t, server)
	for _, c := range names(500) {
		w.send(c, "x")
	}
	server.Do("BGREWRITEAOF") // one entry for each key, which is delayed
	until(t, "the file", func() bool { return strings.Contains(server.Do("INFO", "persistence"), "aof_rewrite_in_progress:0") })
	server.Kill()
	r.awaitState(pubsub.Down)
	loading, up := 0, 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for r.Status().State != pubsub.Up {
			if _, err := server.TryDo("PING"); err != nil && strings.HasPrefix(err.Error(), "LOADING") {
				loading++
			}
			time.Sleep(time.Millisecond)
		}
		if _, err := server.TryDo("PING"); err != nil {
			up++
		}
	}()
	server.Restart()
	<-done
	if loading == 0 || up > 0 {
		t.Errorf("it was seen loading %d times, and %d times as up while it did", loading, up)
	}
}

// TestEmptyRedis loses all logs. Whoever follows is told, though nothing is published.
func TestEmptyRedis(t *testing.T) {
	server := redistest.Start(t)
	w, r := start(t, server), read(t, server)
	r.follow("a", "b")
	w.send("a", "1")
	r.expect("a", "1")
	server.Kill()
	server.RestartEmpty()
	until(t, "the gaps", func() bool { return len(r.gaps()) == 2 })
	for _, gap := range r.gaps() {
		same(t, "the reason", pubsub.Replaced, gap.Reason)
	}
	r.awaitState(pubsub.Up)
	if n := r.broken(); n > 4 {
		t.Errorf("%d breaks of two channels", n)
	}
}

// TestLineToAFormerMaster promotes a replica behind an address. Commands go to it, while the
// lines still stand and bring what their old server announces: nothing.
func TestLineToAFormerMaster(t *testing.T) {
	old := redistest.Start(t)
	replica := old.Replica(t)
	proxy := redistest.NewProxy(t, old.Addr())
	r := read(t, nil, through(proxy))
	r.follow("a")
	proxy.Redirect(replica.Addr())
	replica.Promote()
	w := start(t, replica)
	w.send("a", "1")
	lines := proxy.Subscribed()
	same(t, "lines", 2, lines)
	old.ClientKill("normal") // the pool's connections
	r.expect("a", "1")
	until(t, "the lines", func() bool { return r.lines.stats().Reconnects == 2 })
	until(t, "the old lines", func() bool { return old.Do("PUBSUB", "CHANNELS", "*") == "" })
	w.send("a", "2")
	r.expect("a", "1", "2")
}

func TestSentinelFailover(t *testing.T) {
	master := redistest.Start(t)
	replica := master.Replica(t)
	sentinels := redistest.StartSentinels(t, 3, master)
	on := func(o *Options) { o.Addrs, o.Master = sentinels.Addrs, sentinels.Master }
	w, r := start(t, nil, on), read(t, nil, on)
	many := names(4)
	r.follow(many...)
	w.send("c0", "in front")
	r.expect("c0", "in front")
	replica.AwaitCopy(master)
	master.Freeze() // its connections look alive
	sentinels.WaitMaster(replica)
	f := pour(w, many)
	f.await(t, 100)
	r.awaitState(pubsub.Up)
	sent := f.end()
	sent["c0"] = append([]string{"in front"}, sent["c0"]...)
	r.expectAll(sent)
}

func TestTwice(t *testing.T) {
	calls := 0
	fails := func(errs ...error) func() error {
		calls = 0
		return func() error {
			calls++
			return errs[calls-1]
		}
	}
	broken, late := errors.New("broken"), context.DeadlineExceeded
	same(t, "the error", nil, twice(fails(nil)))
	same(t, "calls", 1, calls)
	same(t, "the error", nil, twice(fails(broken, nil)))
	same(t, "calls", 2, calls)
	if err := twice(fails(broken, broken)); err != broken {
		t.Error(err)
	}
	if err := twice(fails(late)); err != late || calls != 1 {
		t.Error(err, calls)
	}
}

func TestCanariesAreNoAnnouncements(t *testing.T) {
	server := redistest.Start(t)
	r := read(t, server)
	until(t, "canaries", func() bool { return r.lines.nodes[""].lines[0].heard.Load() >= 2 })
	same(t, "announcements", 0, int(r.lines.stats().Announcements))
	for i, ln := range r.lines.nodes[""].lines {
		if topic := ln.connected().canary; !strings.HasSuffix(topic, "."+strconv.Itoa(i)+"}") {
			t.Errorf("the topic is %s", topic)
		} else if _, err := pubsub.ParseChannel(strings.Trim(topic[strings.Index(topic, "{"):], "{}")); err == nil {
			t.Errorf("%s may be a channel's", topic)
		}
	}
}
