package redisbroker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

func (s *subject) channels(prefix string, after pubsub.Channel, limit int) []pubsub.Info {
	s.t.Helper()
	page, err := s.Channels(context.Background(), prefix, after, limit)
	if err != nil {
		s.t.Fatalf("Channels(%q, %q, %d): %v", prefix, after, limit, err)
	}
	return page
}

// pages lists everything, page by page.
func (s *subject) pages(prefix string, limit int) (all []pubsub.Info) {
	s.t.Helper()
	for after := pubsub.Channel(""); ; {
		page := s.channels(prefix, after, limit)
		if len(page) > limit {
			s.t.Fatalf("a page of %d, want at most %d", len(page), limit)
		}
		all = append(all, page...)
		if len(page) < limit {
			return all
		}
		after = page[limit-1].Channel
	}
}

// populate makes channels of all kinds on two instances, and returns those that are active.
// Every third keeps nothing any more, and of these every second has subscribers.
func populate(one, two *subject, n int) (want []pubsub.Info) {
	one.t.Helper()
	for _, i := range rand.Perm(n) {
		c := pubsub.Channel(fmt.Sprintf("orders:%03d", i))
		info := pubsub.Info{Channel: c, Retained: 1}
		if i%3 == 0 {
			c = pubsub.Channel(fmt.Sprintf("short:%03d", i))
			info = pubsub.Info{Channel: c}
		}
		info.Pos = one.send(c, "x").Pos
		if i%2 == 0 {
			one.subscribe(c, 1)
			two.subscribe(c, 2)
			info.Subscribers = 3
		}
		if info.Retained > 0 || info.Subscribers > 0 {
			want = append(want, info)
		}
	}
	for i := range 100 {
		c := pubsub.Channel(fmt.Sprintf("followed:%02d", i))
		two.subscribe(c, 1)
		info, err := two.Info(context.Background(), c)
		if err != nil {
			one.t.Fatalf("Info: %v", err)
		}
		want = append(want, info)
	}
	slices.SortFunc(want, func(a, b pubsub.Info) int {
		if a.Channel < b.Channel {
			return -1
		}
		return 1
	})
	return want
}

// shortly keeps nothing for long in the namespace short.
func shortly(o *Options) {
	o.Retention = func(c pubsub.Channel) pubsub.Retention {
		r := pubsub.DefaultRetention
		if c.Namespace() == "short" {
			r.Age = time.Millisecond
		}
		return r
	}
}

func TestChannelsPageByPage(t *testing.T) {
	for _, on := range []struct {
		name string
		make func(t *testing.T) (*redistest.Server, func(*Options))
	}{
		{"one node", func(t *testing.T) (*redistest.Server, func(*Options)) {
			return redistest.Start(t), func(*Options) {}
		}},
		{"Cluster", func(t *testing.T) (*redistest.Server, func(*Options)) {
			cluster := redistest.StartCluster(t, 3, 0)
			return cluster.Nodes[0], onCluster(cluster)
		}},
	} {
		t.Run(on.name, func(t *testing.T) {
			server, options := on.make(t)
			one := startInstance(t, server, byHand, shortly, options)
			two := startInstance(t, server, byHand, shortly, options)
			want := populate(one, two, 300)
			one.flush()
			two.flush()
			until(t, "messages to age", func() bool { return len(one.pages("", 1000)) == len(want) })
			for _, s := range []*subject{one, two} {
				for _, limit := range []int{7, 100, len(want), 1000} {
					if diff := cmp.Diff(want, s.pages("", limit)); diff != "" {
						t.Errorf("in pages of %d (-want +got):\n%s", limit, diff)
					}
				}
			}
			var orders []pubsub.Info
			for _, info := range want {
				if info.Channel.Namespace() == "orders" {
					orders = append(orders, info)
				}
			}
			if diff := cmp.Diff(orders, one.pages("orders:", 11)); diff != "" {
				t.Errorf("of a namespace (-want +got):\n%s", diff)
			}
		})
	}
}

func TestChannelsOfLargeInstances(t *testing.T) {
	server := redistest.Start(t)
	s := startInstance(t, server, byHand)
	const n = 5000 // several calls of HSCAN each
	var want []pubsub.Info
	for i := range n {
		want = append(want, pubsub.Info{Channel: pubsub.Channel(fmt.Sprintf("orders:%04d", i)), Subscribers: 3})
	}
	for id := range 3 {
		key := s.keys.instance(strconv.Itoa(id))
		server.Do("ZADD", s.keys.instances(), "1", strconv.Itoa(id))
		args := []string{"HSET", key, serialField, "1"}
		for _, info := range want {
			args = append(args, string(info.Channel), "1")
		}
		server.Do(args...)
	}
	got := s.pages("orders:", 900)
	for i := range got {
		if got[i].Pos.IsZero() {
			t.Fatalf("%s has no position", got[i].Channel)
		}
		got[i].Pos = pubsub.Position{}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("channels without a record differ (-want +got):\n%s", diff)
	}
}

// While a hash grows or shrinks, HSCAN returns some of its fields twice.
func TestSubscribersThatAreToldTwice(t *testing.T) {
	l := &listing{limit: 2}
	for _, id := range []string{"one", "one", "two", "two", "three"} {
		for _, c := range []pubsub.Channel{"c", "b", "a"} {
			l.count(id, c, 1)
		}
	}
	want := []row{
		{Info: pubsub.Info{Channel: "a", Subscribers: 3}, counted: "three"},
		{Info: pubsub.Info{Channel: "b", Subscribers: 3}, counted: "three"},
	}
	if !slices.Equal(want, l.rows) {
		t.Errorf("counted %v, want %v", l.rows, want)
	}
}

func TestChannelsAmongOtherKeys(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	want := []pubsub.Info{
		{Channel: "a", Pos: s.send("a", "x").Pos, Retained: 1},
		{Channel: "a:log", Pos: s.send("a:log", "x").Pos, Retained: 1},
		{Channel: "a:log:log", Pos: s.send("a:log:log", "x").Pos, Retained: 1},
		{Channel: "key:log", Pos: s.send("key:log", "x").Pos, Retained: 1},
	}
	for i, key := range []string{":log", "}:log", "{b}:log", "x}:log:log", "{b}"} {
		p := pubsubtest.NewPublication("a", "x")
		p.Key = key
		want[0].Pos = s.publish(p).Message.Pos
		want[0].Retained = i + 2
	}
	other := start(t, server, func(o *Options) { o.Prefix = "other" })
	other.send("b", "x")
	again := start(t, server, func(o *Options) { o.DB = 1 })
	again.send("c", "x")
	for _, key := range []string{"{d}:log", "v1:{d}:log", "xwsbridge:v1:{d}:log", "wsbridge:v2:{d}:log", "wsbridge:v1:{}:log", "wsbridge:v1:{a b}:log"} {
		server.Do("XADD", key, "1-0", "m", "x")
	}
	if diff := cmp.Diff(want, s.channels("", "", 100)); diff != "" {
		t.Errorf("channels differ (-want +got):\n%s", diff)
	}
	for _, prefix := range []string{"*", "?", "[a]", `\a`, "a*", "a?", "a}", "^a", "a:log:log:log"} {
		if page := s.channels(prefix, "", 100); len(page) != 0 {
			t.Errorf("%q lists %v", prefix, page)
		}
	}
	for _, limit := range []int{0, -1} {
		if page := s.channels("", "", limit); len(page) != 0 {
			t.Errorf("a limit of %d lists %v", limit, page)
		}
	}
}

func TestListingProlongsNothing(t *testing.T) {
	server := redistest.Start(t)
	s := start(t, server)
	s.send("news", "x")
	server.Do("PEXPIRE", "wsbridge:v1:{news}", "50000")
	if n := len(s.channels("", "", 10)); n != 1 {
		t.Fatalf("%d channels, want 1", n)
	}
	if ms, _ := strconv.Atoi(server.Do("PTTL", "wsbridge:v1:{news}")); ms > 50_000 {
		t.Errorf("the position lives for %d ms, want no more than before", ms)
	}
	server.Do("DEL", "wsbridge:v1:{news}")
	if page := s.channels("", "", 10); len(page) != 0 {
		t.Errorf("a log without its record is listed: %v", page)
	}
	if n := server.Do("EXISTS", "wsbridge:v1:{news}"); n != "0" {
		t.Error("listing made a record")
	}
}

func TestListingEndsWithItsContext(t *testing.T) {
	s := start(t, redistest.Start(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Channels(ctx, "", "", 10); err != context.Canceled {
		t.Errorf("%v, want that the context ended", err)
	}
}
