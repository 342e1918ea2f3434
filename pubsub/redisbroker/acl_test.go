package redisbroker

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// documentedRules returns the ACL rules that the documentation of Options asks for.
func documentedRules(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("options.go")
	if err != nil {
		t.Fatal(err)
	}
	var rules []string
	for _, line := range regexp.MustCompile(`(?m)^//\t(.*)$`).FindAllStringSubmatch(string(source), -1) {
		rules = append(rules, strings.Fields(line[1])...)
	}
	if len(rules) == 0 || rules[0] != "~wsbridge:*" {
		t.Fatalf("the rules are %q", rules)
	}
	return rules
}

// sentinelRules are those that it asks for of a user of the sentinels.
func sentinelRules(t *testing.T) []string {
	t.Helper()
	source, err := os.ReadFile("options.go")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^// (&\* .*)\.$`).FindStringSubmatch(string(source))
	if line == nil {
		t.Fatal("there are none")
	}
	return strings.Fields(line[1])
}

// exercise has a broker do everything that it can.
func (s *subject) exercise(c pubsub.Channel) {
	s.t.Helper()
	ctx := s.t.Context()
	s.subscribe(c, 1)
	p := pubsubtest.NewPublication(c, "one")
	p.Key, p.Replicated = "key", true
	m := s.publish(p).Message
	for _, o := range s.PublishBatch(ctx, []pubsub.Publication{p, pubsubtest.NewPublication(c, "two")}) {
		if o.Err != nil {
			s.t.Errorf("PublishBatch: %v", o.Err)
		}
	}
	until(s.t, "the announcements", func() bool { return len(s.recorder.Events(c)) >= 2 })
	if n := len(s.log(c)); n != 2 {
		s.t.Errorf("%d messages are kept, want 2", n)
	}
	if _, err := s.ReadBack(ctx, c, m.Pos, pubsub.Limit{Messages: 1}); err != nil {
		s.t.Errorf("ReadBack: %v", err)
	}
	if n := len(s.channels("", "", 10)); n != 1 {
		s.t.Errorf("%d channels are listed, want 1", n)
	}
	until(s.t, "the other instance", func() bool { return s.subscribers(c) == 2 })
	if _, err := s.Purge(ctx, c); err != nil {
		s.t.Errorf("Purge: %v", err)
	}
	s.Unfollow(c)
	if state := s.Status().State; state != pubsub.Up {
		s.t.Errorf("state %d, want Up", state)
	}
}

// TestUserWithTheDocumentedRules has two instances do everything as such a user, and then asks
// the servers whether they denied anything.
func TestUserWithTheDocumentedRules(t *testing.T) {
	t.Run("one node", func(t *testing.T) {
		master := redistest.Start(t)
		master.Replica(t)
		exerciseAsUser(t, []*redistest.Server{master}, nil, func(o *Options) { o.Addrs, o.DB = []string{master.Addr()}, 1 })
	})
	t.Run("Sentinel", func(t *testing.T) {
		master := redistest.Start(t)
		master.Replica(t)
		sentinels := redistest.StartSentinels(t, 3, master)
		exerciseAsUser(t, []*redistest.Server{master}, sentinels.Nodes, func(o *Options) {
			o.Addrs, o.Master = sentinels.Addrs, sentinels.Master
			o.SentinelUser, o.SentinelPassword = "watcher", "secret too"
		})
	})
	t.Run("Cluster", func(t *testing.T) {
		cluster := redistest.StartCluster(t, 3, 1)
		exerciseAsUser(t, cluster.Nodes, nil, onCluster(cluster))
	})
}

func exerciseAsUser(t *testing.T, servers, sentinels []*redistest.Server, change func(*Options)) {
	t.Helper()
	for _, s := range servers {
		s.AddUser("bridge", "secret", documentedRules(t)...)
	}
	for _, s := range sentinels {
		s.AddUser("watcher", "secret too", sentinelRules(t)...)
	}
	var logged logs
	asUser := func(o *Options) { o.User, o.Password = "bridge", "secret" }
	other := startInstance(t, servers[0], quick, change, asUser, logged.take)
	other.subscribe("news", 1)
	one := startInstance(t, servers[0], quick, change, asUser, logged.take)
	one.exercise("news")
	for _, trouble := range []string{"NOPERM", "is not known", "cannot be counted"} {
		if log := logged.String(); strings.Contains(log, trouble) {
			t.Errorf("the log is %q, want nothing of %q", log, trouble)
		}
	}
	for _, b := range []*subject{one, other} {
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	for _, s := range slices.Concat(servers, sentinels) {
		if denied := s.List("ACL", "LOG"); len(denied) != 0 {
			t.Errorf("%s denied %q", s.Addr(), denied)
		}
	}
}

// The commands of scripts are the user's as well, also those that are seldom needed.
func TestDocumentedRulesCoverScripts(t *testing.T) {
	rules := documentedRules(t)
	scripts, err := filepath.Glob("scripts/*.lua")
	if err != nil || len(scripts) == 0 {
		t.Fatalf("%d scripts, %v", len(scripts), err)
	}
	for _, name := range scripts {
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range regexp.MustCompile(`redis\.p?call\('(\w+)'`).FindAllStringSubmatch(string(source), -1) {
			if rule := "+" + strings.ToLower(call[1]); !slices.Contains(rules, rule) {
				t.Errorf("%s needs %s", name, rule)
			}
		}
	}
}

// Whatever the start needs and may not do, it says so, and succeeds once it may.
func TestUserWithTooFewRights(t *testing.T) {
	server := redistest.Start(t)
	rules := documentedRules(t)
	for _, without := range []string{
		"~wsbridge:*", "&wsbridge:*", "+info", "+get", "+set", "+scan", "+type",
		"+script|load", "+multi", "+hget", "+hset", "+evalsha", "+zadd", "+subscribe",
	} {
		server.Do("FLUSHALL")
		server.Do("HSET", "wsbridge:v1:instance:{gone}", serialField, "1") // a key of ours, without the format
		server.AddUser("bridge", "secret", slices.DeleteFunc(slices.Clone(rules), func(r string) bool { return r == without })...)
		b, err := New(Options{Addrs: []string{server.Addr()}, User: "bridge", Password: "secret"})
		if err != nil {
			t.Fatal(err)
		}
		r := new(pubsubtest.Recorder)
		if err = b.Start(t.Context(), r); err == nil {
			t.Fatalf("without %s: Start succeeded", without)
		}
		mustRefuse(t, err, "Redis refuses", "docs/operations.md")
		server.AddUser("bridge", "secret", rules...)
		if err := b.Start(t.Context(), r); err != nil {
			t.Errorf("with %s again: %v", without, err)
		}
		if _, err := b.Publish(t.Context(), pubsubtest.NewPublication("news", "x")); err != nil {
			t.Errorf("with %s again: Publish: %v", without, err)
		}
		if err := b.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
}
