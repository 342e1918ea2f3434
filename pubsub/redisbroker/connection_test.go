package redisbroker

import (
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestRequests(t *testing.T) {
	keys := newKeyspace(Options{Prefix: "p"})
	wanted := make(map[pubsub.Channel]*followed)
	for i, c := range names(2000) {
		if wanted[c] = nil; i >= 600 {
			wanted[c] = &followed{channel: c}
		}
	}
	for _, sharded := range []bool{false, true} {
		sent := make(map[string]bool)
		all := requests(wanted, keys, sharded)
		for _, r := range all {
			if len(r.topics) == 0 || len(r.topics) > topicsAtOnce {
				t.Fatalf("a command of %d topics", len(r.topics))
			}
			for i, topic := range r.topics {
				name, _ := keys.channelOf(topic)
				if f := wanted[name]; f == nil != r.leave || f != nil && r.followed[i] != f {
					t.Fatalf("%s is asked for as another", topic)
				}
				if sharded && slot(topic) != slot(r.topics[0]) {
					t.Fatalf("%s is of another slot than %s", topic, r.topics[0])
				}
				sent[topic] = true
			}
		}
		same(t, "topics", len(wanted), len(sent))
		if !sharded && len(all) > 8 {
			t.Errorf("%d commands", len(all))
		}
	}
	same(t, "commands for nothing", 0, len(requests(nil, keys, true)))
}

func TestConfirmationsInOrder(t *testing.T) {
	c := &connection{canary: "canary", kick: make(chan struct{}, 1)}
	earlier, later, other := new(followed), new(followed), new(followed)
	c.asked = []request{
		{topics: []string{"a"}, followed: []*followed{earlier}},
		{leave: true, topics: []string{"a", "b"}},
		{topics: []string{"a", "c"}, followed: []*followed{later, other}},
		{topics: []string{"canary"}},
	}
	if c.take() != nil {
		t.Error("something may be sent while answers are under way")
	}
	for _, test := range []struct {
		kind, topic string
		known       bool
		f           *followed
	}{
		{"unsubscribe", "a", false, nil},
		{"subscribe", "b", false, nil},
		{"subscribe", "a", true, earlier}, // not the later one
		{"subscribe", "a", false, nil},
		{"unsubscribe", "a", true, nil},
		{"sunsubscribe", "b", true, nil},
		{"ssubscribe", "a", true, later},
		{"subscribe", "c", true, other},
		{"subscribe", "canary", true, nil},
		{"subscribe", "canary", false, nil},
	} {
		r, f, ok := c.confirm(&redis.Subscription{Kind: test.kind, Channel: test.topic})
		if ok != test.known || f != test.f {
			t.Errorf("%s of %s: %v, %v, %v", test.kind, test.topic, r, f, ok)
		}
	}
	select {
	case <-c.kick:
	default:
		t.Error("nobody was told that all was answered")
	}
}

func TestErrorAnswersOneCommand(t *testing.T) {
	c := &connection{kick: make(chan struct{}, 1), wanted: map[pubsub.Channel]*followed{"x": nil}}
	c.asked = []request{{topics: []string{"a", "b"}}, {topics: []string{"c"}}}
	same(t, "what was refused", []string{"a", "b"}, c.refuse().topics)
	r, _, _ := c.confirm(&redis.Subscription{Kind: "subscribe", Channel: "c"})
	same(t, "what was confirmed", []string{"c"}, r.topics)
	same(t, "what is wanted", 1, len(c.take()))
	same(t, "what is wanted then", 0, len(c.take()))
}

func TestSlotThatIsGivenAway(t *testing.T) {
	c := &connection{canary: "canary"}
	for got, want := range map[redis.Subscription]bool{
		{Kind: "sunsubscribe", Channel: "a"}:      true,
		{Kind: "sunsubscribe", Channel: "canary"}: false, // the line itself has to move
		{Kind: "unsubscribe", Channel: "a"}:       false,
		{Kind: "ssubscribe", Channel: "a"}:        false,
	} {
		same(t, got.String(), want, c.gaveAway(&got))
	}
}

func TestLastWishCounts(t *testing.T) {
	c := &connection{kick: make(chan struct{}, 1), wanted: make(map[pubsub.Channel]*followed)}
	l := &line{conn: c}
	f := new(followed)
	l.want("a", f)
	l.want("a", nil)
	l.want("b", nil)
	l.want("b", f)
	wanted := c.take()
	got := []bool{wanted["a"] == nil, wanted["b"] == f}
	same(t, "what is wanted", 2, len(wanted))
	if slices.Contains(got, false) {
		t.Errorf("%v", wanted)
	}
}
