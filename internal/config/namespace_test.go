package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
)

const namespacesText = `
namespaces:
  orders:
    retention: {count: 1000, age: 1h, bytes: 8MiB}
    anonymous: []
  chat:
    retention:
      count: 5
    anonymous: [subscribe, history]
  ticks: {retention: off}
  "1.x=_-": {}
  user: {anonymous: []}
`

func TestNamespaces(t *testing.T) {
	c := load(t, inFile(namespacesText))
	for channel, want := range map[pubsub.Channel]pubsub.Retention{
		"orders:1":  {Count: 1000, Age: time.Hour, Bytes: 8 << 20},
		"chat:1:2":  {Count: 5, Age: 5 * time.Minute, Bytes: 8 << 20},
		"ticks:1":   {},
		"1.x=_-:1":  pubsub.DefaultRetention,
		"plain":     pubsub.DefaultRetention,
		"orders":    pubsub.DefaultRetention, // its namespace is default
		"unknown:1": pubsub.DefaultRetention,
	} {
		if diff := cmp.Diff(want, c.Retention(channel)); diff != "" {
			t.Errorf("%s: %s", channel, diff)
		}
	}
	for namespace, want := range map[string]auth.Op{"orders": 0, "chat": auth.Subscribe | auth.History, "default": 0, "unknown": 0} {
		if got := c.Anonymous(namespace); got != want {
			t.Errorf("%s: anonymous may %v, want %v", namespace, got, want)
		}
	}
}

func TestDefaultNamespace(t *testing.T) {
	c := load(t, inFile("namespaces: {default: {retention: {age: 1m}, anonymous: [publish]}, a: {}}"))
	want := pubsub.Retention{Count: 10_000, Age: time.Minute, Bytes: 8 << 20}
	if c.Retention("x") != want || c.Retention("b:x") != want || c.Anonymous("b") != auth.Publish {
		t.Error("namespaces that are not there have other settings than the default one")
	}
	if c.Retention("a:x") != pubsub.DefaultRetention || c.Anonymous("a") != 0 {
		t.Error("a namespace takes over what the default one sets")
	}
	var zero Config
	if zero.Retention("a:x") != pubsub.DefaultRetention || zero.Anonymous("a") != 0 {
		t.Error("the zero Config has no defaults")
	}
}

func TestNamespaceAllocatesNothing(t *testing.T) {
	c := load(t, inFile(namespacesText))
	if n := testing.AllocsPerRun(100, func() {
		if c.Retention("orders:1").Count != 1000 || c.Anonymous("chat") == 0 {
			t.Fatal("wrong answer")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestBadNamespaces(t *testing.T) {
	for text, want := range map[string]string{
		"namespaces:":                                       "w.yaml:1: namespaces: expected is a mapping of names to values, not nothing",
		"namespaces: [a]":                                   "w.yaml:1: namespaces: expected is a mapping of names to values, not a list",
		"namespaces:\n  a:b: {}":                            `w.yaml:2: namespaces: "a:b" is no namespace; allowed are 1 to 200 of A-Z a-z 0-9 _ - . =`,
		"namespaces:\n  'a b': {}":                          `w.yaml:2: namespaces: "a b" is no namespace; allowed are 1 to 200 of A-Z a-z 0-9 _ - . =`,
		"namespaces:\n  '': {}":                             `w.yaml:2: namespaces: "" is no namespace; allowed are 1 to 200 of A-Z a-z 0-9 _ - . =`,
		"namespaces:\n  a:":                                 "w.yaml:2: namespaces.a: expected is a mapping of names to values, not nothing",
		"namespaces:\n  a: off":                             "w.yaml:2: namespaces.a: expected is a mapping of names to values, not a single value",
		"namespaces:\n  a:\n    retensions: 1":              "w.yaml:3: namespaces.a.retensions: there is no such setting; did you mean retention?",
		"namespaces:\n  a:\n    x: 1":                       "w.yaml:3: namespaces.a.x: there is no such setting; allowed are retention, anonymous",
		"namespaces: {a: {retention: on}}":                  `w.yaml:1: namespaces.a.retention: "on" is no retention; write off, or {count: 1000, age: 1h, bytes: 8MiB}`,
		"namespaces: {a: {retention: 5m}}":                  `w.yaml:1: namespaces.a.retention: "5m" is no retention; write off, or {count: 1000, age: 1h, bytes: 8MiB}`,
		"namespaces: {a: {retention: [1]}}":                 "w.yaml:1: namespaces.a.retention: expected is a mapping of names to values, not a list",
		"namespaces: {a: {retention: }}":                    "w.yaml:1: namespaces.a.retention: expected is a mapping of names to values, not nothing",
		"namespaces:\n a:\n  retention:\n   size: 1":        "w.yaml:4: namespaces.a.retention.size: there is no such setting; allowed are count, age, bytes",
		"namespaces: {a: {retention: {count: 0}}}":          `w.yaml:1: namespaces.a.retention.count: "0" is no number of messages; write 1 or more, or retention: off`,
		"namespaces: {a: {retention: {count: 3000000000}}}": `w.yaml:1: namespaces.a.retention.count: "3000000000" is no number of messages; write 1 or more, or retention: off`,
		"namespaces: {a: {retention: {count: [1]}}}":        "w.yaml:1: namespaces.a.retention.count: expected is a text or a number, not a list",
		"namespaces: {a: {retention: {age: 60}}}":           `w.yaml:1: namespaces.a.retention.age: "60" is no duration; write a number with a unit such as 500ms, 25s, 1m30s or 24h`,
		"namespaces: {a: {retention: {age: 0s}}}":           `w.yaml:1: namespaces.a.retention.age: "0s" is out of range; allowed are 1ms to 8784h`,
		"namespaces: {a: {retention: {age: 25h}}}":          "w.yaml:1: namespaces.a.retention.age: 25h is longer than position-ttl, which is 24h (default)",
		"namespaces: {a: {retention: {bytes: 0}}}":          `w.yaml:1: namespaces.a.retention.bytes: "0" is out of range; allowed are 1 to 9223372036854775807`,
		"namespaces: {a: {anonymous: subscribe}}":           "w.yaml:1: namespaces.a.anonymous: it is no list; write one such as [subscribe, history]",
		"namespaces: {a: {anonymous: [write]}}":             `w.yaml:1: namespaces.a.anonymous: "write" is no operation, allowed are subscribe, publish, history, presence`,
		"namespaces: {a: {anonymous: [[]]}}":                "w.yaml:1: namespaces.a.anonymous: expected is a text or a number, not a list",
		"namespaces: {user: {anonymous: [subscribe]}}":      "w.yaml:1: namespaces.user.anonymous: personal channels are open to nobody but their users; write []",
	} {
		if _, err := Load(inFile(text)); err == nil || err.Error() != want {
			t.Errorf("%q: error %v\n want %s", text, err, want)
		}
	}
}
