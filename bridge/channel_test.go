package bridge

import (
	"context"
	"slices"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A scripted broker has a real log and announces only what the test tells it to.
type scripted struct {
	pubsub.Broker
	mute     bool
	receiver pubsub.Receiver
}

func (s *scripted) Start(ctx context.Context, r pubsub.Receiver) error {
	s.receiver = r
	return s.Broker.Start(ctx, (*mutable)(s))
}

// mutable lets announcements through unless the broker is muted.
type mutable scripted

func (m *mutable) Message(msg *pubsub.Message) {
	if !m.mute {
		m.receiver.Message(msg)
	}
}

func (m *mutable) Break(c pubsub.Channel) {
	if !m.mute {
		m.receiver.Break(c)
	}
}

func (m *mutable) Subscribers(c pubsub.Channel) int { return m.receiver.Subscribers(c) }

func openScripted(t *testing.T) (*Bridge, *scripted) {
	s := &scripted{}
	b := open(t, Options{}, ample, func(inner pubsub.Broker) pubsub.Broker { s.Broker = inner; return s })
	return b, s
}

func TestAHoleIsReadFromTheLogBeforeAnythingNewer(t *testing.T) {
	b, s := openScripted(t)
	c := connect(t, b)
	c.subscribe("c", pubsub.Start{})
	publish(t, b, "c", 1)
	s.mute = true
	publish(t, b, "c", 1)
	publish(t, b, "c", 1)
	s.mute = false
	publish(t, b, "c", 1)
	if got := offsets(c.pull()); !slices.Equal(got, []uint64{1, 2, 3, 4}) {
		t.Fatalf("got %v, want 1 to 4", got)
	}
	publish(t, b, "c", 1)
	if got := offsets(c.pull()); !slices.Equal(got, []uint64{5}) {
		t.Fatalf("got %v, want 5: live again", got)
	}
}

func TestRepeatedAnnouncementsAreDropped(t *testing.T) {
	b, s := openScripted(t)
	c := connect(t, b)
	c.subscribe("c", pubsub.Start{})
	first := publish(t, b, "c", 1)
	second := publish(t, b, "c", 1)
	s.receiver.Message(second)
	s.receiver.Message(first)
	publish(t, b, "c", 1)
	if got := offsets(c.pull()); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Fatalf("got %v, want 1 to 3", got)
	}
}

func TestAReaderAheadOfAnnouncementsWaitsForThem(t *testing.T) {
	b, s := openScripted(t)
	live := connect(t, b)
	live.subscribe("c", pubsub.Start{})
	s.mute = true
	first, second := publish(t, b, "c", 1), publish(t, b, "c", 1)

	c := connect(t, b)
	c.subscribe("c", pubsub.Behind(first.Pos)) // as another instance gave it
	if got := offsets(c.pull()); !slices.Equal(got, []uint64{2}) {
		t.Fatalf("from the log: %v, want 2", got)
	}
	s.mute = false
	s.receiver.Message(first)
	s.receiver.Message(second)
	publish(t, b, "c", 1)
	if got := offsets(c.pull()); !slices.Equal(got, []uint64{3}) {
		t.Fatalf("the one ahead got %v, want 3 alone", got)
	}
	if got := offsets(live.pull()); !slices.Equal(got, []uint64{1, 2, 3}) {
		t.Fatalf("the live one got %v, want 1 to 3", got)
	}
}

// It waits only when it has read the log to its end, in however small steps.
func TestAReaderAheadOfAnnouncementsReadsOn(t *testing.T) {
	b, s := openScripted(t)
	connect(t, b).subscribe("c", pubsub.Start{})
	s.mute = true
	first := publish(t, b, "c", 1)
	for range pageMessages + 10 {
		publish(t, b, "c", 1)
	}
	c := connect(t, b)
	c.subscribe("c", pubsub.Behind(first.Pos))
	for i := range pageMessages + 10 {
		items, err := c.Pull(t.Context(), nil, Limit{Messages: 1, Bytes: 1})
		if got := offsets(items); err != nil || !slices.Equal(got, []uint64{uint64(i + 2)}) {
			t.Fatalf("got %v, %v; want %d", got, err, i+2)
		}
	}
}

func TestAPurgeIsToldAtOnce(t *testing.T) {
	b := open(t, Options{}, ample, nil)
	c := connect(t, b)
	c.subscribe("c", pubsub.Start{})
	last := publish(t, b, "c", 1)
	c.pull()
	end, err := b.Purge(t.Context(), "c")
	if err != nil {
		t.Fatal(err)
	}
	<-c.woken
	items := c.pull()
	if len(items) != 1 {
		t.Fatalf("got %d items, want one gap", len(items))
	}
	want := pubsub.Gap{Channel: "c", Reason: pubsub.Purged, From: last.Pos, To: end}
	if got := items[0].(*Gap).Gap; got != want {
		t.Fatalf("gap %+v, want %+v", got, want)
	}
	publish(t, b, "c", 1)
	if got := offsets(c.pull()); !slices.Equal(got, []uint64{1}) {
		t.Fatalf("after the purge: %v, want 1", got)
	}
}

// What is encoded for the one client of a channel is not kept, unless somebody else asks as well.
func TestLoneEncodings(t *testing.T) {
	b := open(t, Options{}, ample, nil)
	c := connect(t, b)
	c.subscribe("c", pubsub.Start{})
	publish(t, b, "c", 1)
	d := c.pull()[0].(*Delivery)
	made := 0
	encode := func(dst []byte, _ *pubsub.Message) []byte { made++; return append(dst, "encoded"...) }
	for i := range 4 {
		if got := string(d.Append([]byte("as "), 2, encode)); got != "as encoded" || made != min(i+1, 2) {
			t.Fatalf("%q, made %d times in %d", got, made, i+1)
		}
	}
}

func TestSharedEncodings(t *testing.T) {
	b := open(t, Options{}, ample, nil)
	one, two := connect(t, b), connect(t, b)
	start := one.subscribe("c", pubsub.Start{})
	two.subscribe("c", pubsub.Start{})
	publish(t, b, "c", 1)
	late := connect(t, b)
	late.subscribe("c", pubsub.Behind(start))

	made := 0
	encode := func(dst []byte, _ *pubsub.Message) []byte { made++; return append(dst, "encoded"...) }
	var scratch []byte
	for _, c := range []*consumer{one, two, late} {
		for _, it := range c.pull() {
			if got := it.(*Delivery).Encoded(2, &scratch, encode); string(got) != "encoded" {
				t.Fatalf("%q", got)
			}
		}
	}
	if made != 1 {
		t.Fatalf("three clients made %d encodings, want 1", made)
	}
}
