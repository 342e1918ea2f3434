package redisbroker

import (
	"bytes"
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// exchanges opens brokers of one prefix.
func exchanges(change func(*Options)) func(*testing.T, func([]byte)) pubsub.Exchange {
	prefix := rand.Text()
	return func(t *testing.T, receive func([]byte)) pubsub.Exchange {
		t.Helper()
		o := Options{Prefix: prefix}
		change(&o)
		b, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		b.Receive(receive)
		if err := b.Start(t.Context(), new(pubsubtest.Recorder)); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return b
	}
}

func TestExchange(t *testing.T) {
	server := redistest.Start(t)
	pubsubtest.RunExchange(t, exchanges(func(o *Options) { o.Addrs = []string{server.Addr()} }))
}

func TestExchangeOnCluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	pubsubtest.RunExchange(t, exchanges(onCluster(cluster)))
}

func TestExchangeOnSentinel(t *testing.T) {
	master := redistest.Start(t)
	master.Replica(t)
	sentinels := redistest.StartSentinels(t, 3, master)
	pubsubtest.RunExchange(t, exchanges(func(o *Options) { o.Addrs, o.Master = sentinels.Addrs, sentinels.Master }))
}

// reaches waits until a datagram gets from one exchange to the other.
func reaches(t *testing.T, from, to pubsub.Exchange, arrived <-chan []byte) {
	t.Helper()
	mark := []byte(rand.Text())
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		_ = from.Send(ctx, to.Instance(), mark) // Redis may be away
		cancel()
		select {
		case got := <-arrived:
			if bytes.Equal(got, mark) {
				return
			}
		case <-time.After(50 * time.Millisecond):
		}
	}
	t.Fatal("nothing arrives any more")
}

// The inbox comes back by itself, also when its connection looks well and is dead.
func TestInboxComesBack(t *testing.T) {
	server := redistest.Start(t)
	open := exchanges(func(o *Options) { o.Addrs = []string{server.Addr()} })
	arrived := make(chan []byte, 1000)
	a, b := open(t, func([]byte) {}), open(t, func(d []byte) { arrived <- bytes.Clone(d) })
	reaches(t, a, b, arrived)
	server.Freeze()
	time.Sleep(100 * time.Millisecond)
	server.Thaw()
	reaches(t, a, b, arrived)
	server.Do("CLIENT", "KILL", "TYPE", "pubsub")
	reaches(t, a, b, arrived)
	server.Kill()
	server.Restart()
	reaches(t, a, b, arrived)
}

func TestInboxFollowsAFailover(t *testing.T) {
	master := redistest.Start(t)
	master.Replica(t)
	sentinels := redistest.StartSentinels(t, 3, master)
	open := exchanges(func(o *Options) { o.Addrs, o.Master = sentinels.Addrs, sentinels.Master })
	arrived := make(chan []byte, 1000)
	a, b := open(t, func([]byte) {}), open(t, func(d []byte) { arrived <- bytes.Clone(d) })
	reaches(t, a, b, arrived)
	master.Kill()
	reaches(t, a, b, arrived)
}

func TestInboxFollowsTheCluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 1)
	open := exchanges(onCluster(cluster))
	arrived := make(chan []byte, 1000)
	a, b := open(t, func([]byte) {}), open(t, func(d []byte) { arrived <- bytes.Clone(d) })
	reaches(t, a, b, arrived)
	keys := newKeyspace(Options{Prefix: "x"}) // the slot is that of the instance's name
	cluster.MasterOf(slot(keys.inbox(b.Instance()))).Kill()
	reaches(t, a, b, arrived)
}
