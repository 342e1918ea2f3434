package redisbroker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// startInstance is start with other times. quick ones tell the others of changes every 20 ms,
// and are forgotten half a second after they were killed.
func startInstance(t *testing.T, server *redistest.Server, times func(*instances), change ...func(*Options)) *subject {
	t.Helper()
	o := Options{Addrs: []string{server.Addr()}}
	for _, f := range change {
		f(&o)
	}
	b, err := New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	times(b.instances)
	s := &subject{b, t, new(pubsubtest.Recorder)}
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if err := b.Start(t.Context(), s.recorder); err != nil {
		t.Fatalf("Start: %v", err)
	}
	return s
}

func quick(i *instances) {
	i.flushEvery, i.beatEvery, i.ttl = 20*time.Millisecond, 100*time.Millisecond, 500*time.Millisecond
}

// byHand leaves writing to the test.
func byHand(i *instances) { i.flushEvery = time.Hour }

// die ends an instance like a process that is killed.
func (i *instances) die() {
	i.stop()
	i.done.Wait()
	i.stop = nil // nothing is left for close to do
}

func (s *subject) subscribe(c pubsub.Channel, n int) {
	s.t.Helper()
	if _, err := s.Follow(context.Background(), c); err != nil {
		s.t.Fatalf("Follow(%s): %v", c, err)
	}
	s.recorder.SetSubscribers(c, n)
}

func (s *subject) flush() {
	s.t.Helper()
	if err := s.instances.flush(context.Background()); err != nil {
		s.t.Fatalf("flush: %v", err)
	}
}

func (s *subject) subscribers(c pubsub.Channel) int {
	s.t.Helper()
	info, err := s.Info(context.Background(), c)
	if err != nil {
		s.t.Fatalf("Info(%s): %v", c, err)
	}
	return info.Subscribers
}

// reported returns what the hash of an instance holds.
func (s *subject) reported(server *redistest.Server) map[string]string {
	m := make(map[string]string)
	for pair := range slices.Chunk(server.List("HGETALL", s.instances.key), 2) {
		m[pair[0]] = pair[1]
	}
	return m
}

func TestSubscribersAreCountedOverInstances(t *testing.T) {
	server := redistest.Start(t)
	one := startInstance(t, server, quick)
	two := startInstance(t, server, quick)
	three := startInstance(t, server, quick)
	one.subscribe("orders:1", 3)
	if n := one.subscribers("orders:1"); n != 3 {
		t.Errorf("an instance counts %d of its own, want 3 at once", n)
	}
	two.subscribe("orders:1", 2)
	two.subscribe("orders:2", 1)
	for _, s := range []*subject{one, two, three} {
		until(t, "every instance to count all", func() bool {
			return s.subscribers("orders:1") == 5 && s.subscribers("orders:2") == 1
		})
	}
	one.recorder.SetSubscribers("orders:1", 1)
	two.recorder.SetSubscribers("orders:2", 0)
	until(t, "those who left to be no longer counted", func() bool {
		return three.subscribers("orders:1") == 3 && three.subscribers("orders:2") == 0
	})

	if err := two.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if n := three.subscribers("orders:1"); n != 1 {
		t.Errorf("counted %d after an instance was closed, want 1 at once", n)
	}
	if ids := server.List("ZRANGE", "wsbridge:v1:instances", "0", "-1"); len(ids) != 2 || slices.Contains(ids, two.id) {
		t.Errorf("known are %q after %s was closed", ids, two.id)
	}
}

func TestSubscribersAreCountedOverInstancesOfACluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	var all []*subject
	for range 5 { // their hashes are on several nodes
		s := startInstance(t, cluster.Nodes[0], quick, onCluster(cluster))
		s.subscribe("orders:1", 2)
		all = append(all, s)
	}
	for _, s := range all {
		until(t, "every instance to count all", func() bool { return s.subscribers("orders:1") == 10 })
	}
}

func TestKilledInstanceIsForgotten(t *testing.T) {
	server := redistest.Start(t)
	dead := startInstance(t, server, quick)
	alive := startInstance(t, server, quick)
	dead.subscribe("news", 7)
	until(t, "its subscribers to be counted", func() bool { return alive.subscribers("news") == 7 })
	dead.instances.die()
	until(t, "them to be forgotten", func() bool { return alive.subscribers("news") == 0 })
	until(t, "it to be forgotten", func() bool {
		return server.Do("ZRANGE", "wsbridge:v1:instances", "0", "-1") == alive.id
	})
	if n := server.Do("EXISTS", dead.instances.key); n != "0" {
		t.Error("its hash is still there")
	}
	alive.instances.die()
	until(t, "nothing to be left of the last one", func() bool { return server.Do("KEYS", "*:instance*") == "" })
}

// With the times that are no test's, an instance that was killed is forgotten within a minute.
func TestInstanceLivesForHalfAMinute(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	for _, key := range []string{s.instances.key, s.keys.instances()} {
		if ms, _ := strconv.Atoi(server.Do("PTTL", key)); ms <= 0 || ms > 30_000 {
			t.Errorf("%s lives for %d ms, want at most 30,000", key, ms)
		}
	}
	if s.instances.ttl < 2*s.instances.beatEvery {
		t.Errorf("one lost heartbeat forgets an instance: every %v, %v to live", s.instances.beatEvery, s.instances.ttl)
	}
}

func TestOnlyChangesAreWritten(t *testing.T) {
	server := redistest.Start(t)
	s := startInstance(t, server, byHand)
	want := map[string]string{serialField: "4"} // once at the start, and three chunks
	for i := range 1200 {
		c := fmt.Sprintf("orders:%d", i)
		s.subscribe(pubsub.Channel(c), i+1)
		want[c] = strconv.Itoa(i + 1)
	}
	s.subscribe("nobody", 0)
	s.flush()
	if diff := cmp.Diff(want, s.reported(server)); diff != "" {
		t.Errorf("1,200 channels differ (-want +got):\n%s", diff)
	}
	s.flush()
	if n := s.reported(server)[serialField]; n != "4" {
		t.Errorf("%s writes, although nothing changed since the fourth", n)
	}

	s.recorder.SetSubscribers("orders:7", 0)
	s.recorder.SetSubscribers("orders:8", 1)
	s.recorder.SetSubscribers("orders:9", 0)
	s.Unfollow("orders:9")
	s.flush()
	delete(want, "orders:7")
	delete(want, "orders:9")
	want["orders:8"], want[serialField] = "1", "5"
	if diff := cmp.Diff(want, s.reported(server)); diff != "" {
		t.Errorf("three changes differ (-want +got):\n%s", diff)
	}
}

func TestWhatRedisLostIsWrittenAnew(t *testing.T) {
	server := redistest.Start(t)
	s := startInstance(t, server, byHand)
	want := make(map[string]string)
	for i := range 600 {
		c := fmt.Sprintf("orders:%d", i)
		s.subscribe(pubsub.Channel(c), 1)
		want[c] = "1"
	}
	s.flush()
	for what, lose := range map[string]func(){
		"all":      func() { server.Do("FLUSHALL") },
		"the hash": func() { server.Do("DEL", s.instances.key) },
		"the last write": func() {
			server.Do("HDEL", s.instances.key, "orders:3")
			server.Do("HINCRBY", s.instances.key, serialField, "-1")
		},
		"nothing, but did an old write late": func() {
			server.Do("HSET", s.instances.key, "orders:3", "9", "gone", "9", serialField, "1")
		},
		"the list of instances": func() { server.Do("DEL", s.keys.instances()) },
	} {
		lose()
		if err := s.instances.beat(t.Context()); err != nil {
			t.Fatalf("beat, Redis lost %s: %v", what, err)
		}
		s.flush()
		got := s.reported(server)
		if got[serialField] != strconv.FormatInt(s.instances.serial, 10) {
			t.Errorf("Redis lost %s: the serial is %q, want %d", what, got[serialField], s.instances.serial)
		}
		delete(got, serialField)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Redis lost %s (-want +got):\n%s", what, diff)
		}
		if ms, _ := strconv.Atoi(server.Do("PTTL", s.instances.key)); ms <= 0 {
			t.Errorf("Redis lost %s: the hash lives for ever", what)
		}
		if v := server.Do("GET", "wsbridge:format"); v != "1" {
			t.Errorf("Redis lost %s: the format is %q", what, v)
		}
		if ids := server.Do("ZRANGE", s.keys.instances(), "0", "-1"); ids != s.id {
			t.Errorf("Redis lost %s: known are %q", what, ids)
		}
	}
}

func TestInstanceOutlivesRedis(t *testing.T) {
	server := redistest.Start(t)
	var logged logs
	s := startInstance(t, server, quick, logged.take)
	s.subscribe("news", 2)
	until(t, "its subscribers to be known", func() bool { return s.reported(server)["news"] == "2" })
	server.Kill()
	until(t, "trouble to be logged", func() bool { return strings.Contains(logged.String(), "cannot be counted") })
	s.recorder.SetSubscribers("news", 3)
	server.RestartEmpty()
	until(t, "them to be known again", func() bool { return s.reported(server)["news"] == "3" })
	until(t, "the end of trouble to be logged", func() bool { return strings.Contains(logged.String(), "counted over all instances again") })
	if n := strings.Count(logged.String(), "cannot be counted"); n != 1 {
		t.Errorf("trouble is logged %d times, want once", n)
	}
}

func TestCountingFailsWithRedis(t *testing.T) {
	server := redistest.Start(t)
	s := startInstance(t, server, quick)
	startInstance(t, server, quick)
	server.Kill()
	if _, err := s.Info(t.Context(), "news"); !errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("Info: %v, want ErrUnavailable", err)
	}
	if _, err := s.Channels(t.Context(), "", "", 10); !errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("Channels: %v, want ErrUnavailable", err)
	}
}

// logs is a log to look at while it is written.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

// take is an option: the broker logs here.
func (l *logs) take(o *Options) { o.Logger = slog.New(slog.NewTextHandler(l, nil)) }

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
