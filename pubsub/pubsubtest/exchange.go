package pubsubtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// RunExchange holds exchanges against the contract of [pubsub.Exchange]. open returns one that
// is started with what was given to receive its datagrams, and that ends with the test; all of
// one test share a broker.
func RunExchange(t *testing.T, open func(t *testing.T, receive func([]byte)) pubsub.Exchange) {
	t.Run("Datagrams", func(t *testing.T) { exchangeDatagrams(t, open) })
	t.Run("Records", func(t *testing.T) { exchangeRecords(t, open) })
}

func exchangeDatagrams(t *testing.T, open func(*testing.T, func([]byte)) pubsub.Exchange) {
	arrived := make(chan []byte, 1000)
	a := open(t, func([]byte) {})
	b := open(t, func(d []byte) { arrived <- bytes.Clone(d) })
	if a.Instance() == b.Instance() || a.Instance() == "" {
		t.Fatalf("two instances are called %q and %q", a.Instance(), b.Instance())
	}
	// It may take a moment until an instance hears.
	await(t, "a first datagram", func() bool {
		if err := a.Send(t.Context(), b.Instance(), []byte("first")); err != nil {
			t.Fatal(err)
		}
		select {
		case d := <-arrived:
			return string(d) == "first"
		case <-time.After(10 * time.Millisecond):
			return false
		}
	})
	for len(arrived) > 0 {
		<-arrived
	}
	large := make([]byte, pubsub.MaxDatagram)
	rand.Read(large)
	buf := bytes.Clone(large)
	if err := a.Send(t.Context(), b.Instance(), buf); err != nil {
		t.Fatal(err)
	}
	clear(buf) // it is ours again
	for i := range 100 {
		if err := a.Send(t.Context(), b.Instance(), fmt.Append(nil, i)); err != nil {
			t.Fatal(err)
		}
	}
	for got := []byte(nil); !bytes.Equal(got, large); {
		if got = receive(t, arrived); !bytes.Equal(got, large) && string(got) != "first" {
			t.Fatalf("%d bytes arrived, not as they were sent", len(got))
		}
	}
	for i := range 100 {
		if got := receive(t, arrived); string(got) != fmt.Sprint(i) {
			t.Errorf("%q arrived, want %d", got, i)
		}
	}
	if err := a.Send(t.Context(), "nobody", []byte("x")); err != nil {
		t.Errorf("to nobody: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Send(ended, b.Instance(), []byte("x")); err == nil {
		t.Error("it was sent when the context had ended")
	}
}

func receive(t *testing.T, arrived <-chan []byte) []byte {
	t.Helper()
	select {
	case d := <-arrived:
		return d
	case <-time.After(30 * time.Second):
		t.Fatal("nothing arrives")
		return nil
	}
}

func exchangeRecords(t *testing.T, open func(*testing.T, func([]byte)) pubsub.Exchange) {
	a, b := open(t, func([]byte) {}), open(t, func([]byte) {})
	key := "test:" + rand.Text()
	get := func() string {
		t.Helper()
		record, err := b.Get(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		return string(record)
	}
	put := func(record string, ttl time.Duration) {
		t.Helper()
		if err := a.Put(t.Context(), key, []byte(record), ttl); err != nil {
			t.Fatal(err)
		}
	}
	if got := get(); got != "" {
		t.Errorf("one that was never put: %q", got)
	}
	put("one", time.Hour)
	if got := get(); got != "one" {
		t.Errorf("it is %q", got)
	}
	put("two", 50*time.Millisecond)
	await(t, "the record to be forgotten", func() bool { return get() == "" })
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("gave up waiting for %s", what)
		}
	}
}
