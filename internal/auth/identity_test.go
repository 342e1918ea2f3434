package auth

import (
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

func public(namespace string) Op {
	switch namespace {
	case "news", "user":
		return Subscribe | History
	case "default":
		return Subscribe
	}
	return 0
}

func identify(t *testing.T, c Claims) *Identity {
	t.Helper()
	id, err := c.identity()
	if err != nil {
		t.Fatal(err)
	}
	id.public = public
	return id
}

func TestMay(t *testing.T) {
	ann := identify(t, Claims{
		User: "ann",
		Capabilities: map[string]Op{
			"orders:*":    Subscribe,
			"orders:4*":   History,
			"*:lobby":     Publish | Presence,
			"user:bob":    Publish,
			"nothing:*":   0,
			"news:annual": Publish,
		},
		Channels: []pubsub.Channel{"private:ann", "user:team"},
	})
	odd := identify(t, Claims{User: "ann@example.com"})
	for _, test := range []struct {
		who     string
		id      *Identity
		channel pubsub.Channel
		want    Op
	}{
		{"ann", ann, "orders:1", Subscribe},
		{"ann", ann, "orders:42", Subscribe | History},
		{"ann", ann, "orders:4:lobby", AllOps},
		{"ann", ann, "user:ann", Subscribe | History},
		{"ann", ann, "user:bob", Publish},
		{"ann", ann, "user:anne", 0},
		{"ann", ann, "user:lobby", 0},
		{"ann", ann, "user:x:lobby", 0},
		{"ann", ann, "nothing:1", 0},
		{"ann", ann, "private:ann", Subscribe},
		{"ann", ann, "private:anna", 0},
		{"ann", ann, "user:team", Subscribe},
		{"ann", ann, "news:today", Subscribe | History},
		{"ann", ann, "news:annual", Subscribe | History | Publish},
		{"ann", ann, "plain", Subscribe},
		{"odd", odd, "user:ann=40example.com", Subscribe | History},
		{"odd", odd, "user:ann", 0},
		{"anonymous", Anonymous(public), "news:today", Subscribe | History},
		{"anonymous", Anonymous(public), "plain", Subscribe},
		{"anonymous", Anonymous(public), "orders:1", 0},
		{"anonymous", Anonymous(public), "user:ann", 0},
		{"anonymous", Anonymous(public), "user:", 0},
		{"nobody", Anonymous(nil), "news:today", 0},
		{"zero", &Identity{}, "news:today", 0},
		{"everything", Everything(), "user:ann", AllOps},
		{"everything", Everything(), "orders:1", AllOps},
	} {
		for set := Op(1); set <= AllOps; set++ {
			if got, want := test.id.May(set, test.channel), set&^test.want == 0; got != want {
				t.Errorf("%s may %v on %s: %v, want %v", test.who, set, test.channel, got, want)
			}
		}
	}
}

func TestNameTooLongForPersonalChannel(t *testing.T) {
	id := identify(t, Claims{User: strings.Repeat("@", MaxUser), Capabilities: map[string]Op{"a": Subscribe}})
	if !id.May(Subscribe, "a") {
		t.Error("its capability does not count")
	}
	if id.May(Subscribe, "user:") {
		t.Error("it has a personal channel")
	}
}

func TestMayAllocatesNothing(t *testing.T) {
	id := identify(t, Claims{User: "ann", Capabilities: map[string]Op{"orders:*": Subscribe, "*:x:*:y": Publish}})
	if n := testing.AllocsPerRun(100, func() {
		if id.May(Presence, "a:x:b:y") || !id.May(Subscribe, "orders:1") {
			t.Fatal("wrong answer")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestSameUser(t *testing.T) {
	ann, ann2, bob, nobody := &Identity{User: "ann"}, &Identity{User: "ann", TokenID: "2"}, &Identity{User: "bob"}, &Identity{}
	if !ann.SameUser(ann2) {
		t.Error("ann is not ann")
	}
	if ann.SameUser(bob) || ann.SameUser(nobody) || nobody.SameUser(nobody) {
		t.Error("somebody is somebody else")
	}
}

func TestExpired(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	if (&Identity{}).Expired(now) {
		t.Error("what never expires did")
	}
	id := &Identity{Expires: now}
	if id.Expired(now.Add(-1)) || !id.Expired(now) {
		t.Error("it does not expire at its time")
	}
}
