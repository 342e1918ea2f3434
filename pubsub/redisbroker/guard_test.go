package redisbroker

import (
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// startError starts a broker that does not come up, and returns why.
func startError(t *testing.T, o Options) error {
	t.Helper()
	b, err := New(o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	defer b.Close()
	err = b.Start(t.Context(), new(pubsubtest.Recorder))
	if err == nil {
		t.Fatal("Start succeeded")
	}
	return err
}

// mustRefuse checks an error of Start: one line, for good, and with certain words.
func mustRefuse(t *testing.T, err error, words ...string) {
	t.Helper()
	if errors.Is(err, pubsub.ErrUnavailable) {
		t.Errorf("%v: that is to be tried again, want a refusal", err)
	}
	if strings.Contains(err.Error(), "\n") || !strings.HasPrefix(err.Error(), "redisbroker: ") {
		t.Errorf("%q is not one line of the broker", err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q lacks %q", err, w)
		}
	}
}

func TestPrefixOfSomethingElse(t *testing.T) {
	server := redistest.Start(t)
	for name, c := range map[string]struct {
		key   []string
		words []string
	}{
		"a newer format":       {[]string{"SET", "wsbridge:format", "2"}, []string{"format 2", "newer", "upgrade"}},
		"no format":            {[]string{"SET", "wsbridge:format", "v1"}, []string{`"wsbridge:format"`, "another prefix"}},
		"an old format":        {[]string{"SET", "wsbridge:format", "0"}, []string{`"wsbridge:format"`, "another prefix"}},
		"a list as the format": {[]string{"RPUSH", "wsbridge:format", "1"}, []string{`"wsbridge:format"`, "another prefix"}},
		"another program":      {[]string{"SET", "wsbridge:users:1", "x"}, []string{`"wsbridge:users:1"`, "another prefix"}},
		"a newer layout":       {[]string{"HSET", "wsbridge:v2:{a}", "o", "1"}, []string{`"wsbridge:v2:{a}"`}},
		"a longer prefix":      {[]string{"SET", "wsbridge:test:format", "1"}, []string{`"wsbridge:test:format"`}},
		"no channel":           {[]string{"HSET", "wsbridge:v1:{a b}", "o", "1"}, []string{`{a b}`}},
		"an empty channel":     {[]string{"HSET", "wsbridge:v1:{}", "o", "1"}, []string{`{}`}},
		"no hash tag":          {[]string{"HSET", "wsbridge:v1:a", "o", "1"}, []string{`v1:a`}},
		"an open hash tag":     {[]string{"HSET", "wsbridge:v1:{a", "o", "1"}, []string{`v1:{a`}},
		"nothing at all":       {[]string{"HSET", "wsbridge:v1:", "o", "1"}, []string{`wsbridge:v1:`}},
		"an unknown key":       {[]string{"SET", "wsbridge:v1:{a}:other", "1"}, []string{`{a}:other`}},
		"a log as a string":    {[]string{"SET", "wsbridge:v1:{a}:log", "1"}, []string{`{a}:log`}},
		"a record as a string": {[]string{"SET", "wsbridge:v1:{a}", "1"}, []string{`{a}`}},
		"an answer as a hash":  {[]string{"HSET", "wsbridge:v1:{a}:key:b", "o", "1"}, []string{`{a}:key:b`}},
		"instances as a set":   {[]string{"SADD", "wsbridge:v1:instances", "1"}, []string{`v1:instances`}},
		"an instance as a set": {[]string{"SADD", "wsbridge:v1:instance:{a}", "1"}, []string{`v1:instance:{a}`}},
	} {
		t.Run(name, func(t *testing.T) {
			defer server.Do("FLUSHALL")
			server.Do(c.key...)
			before := server.Do("DBSIZE")
			mustRefuse(t, startError(t, Options{Addrs: []string{server.Addr()}}), append(c.words, `"wsbridge`)...)
			if n := server.Do("DBSIZE"); n != before {
				t.Errorf("%s keys, %s before: a start that was refused left something", n, before)
			}
		})
	}
}

func TestPrefixOfOurs(t *testing.T) {
	server := redistest.Start(t)
	for _, key := range []string{"wsbridge2:users:1", "wsbridg", "wsbridge", "v1:{a}"} {
		server.Do("SET", key, "x") // beside the prefix
	}
	s := start(t, server)
	p := pubsubtest.NewPublication("news", "x")
	p.Key = "k}:log"
	s.publish(p)
	s.subscribe("news", 1)
	if v := server.Do("GET", "wsbridge:format"); v != "1" {
		t.Errorf("the format is %q, want 1", v)
	}
	start(t, server).send("news", "y") // the second finds the format
	server.Do("DEL", "wsbridge:format")
	start(t, server).send("news", "z") // the third finds keys of all kinds, without it
	if v := server.Do("GET", "wsbridge:format"); v != "1" {
		t.Errorf("the format is %q, want 1", v)
	}
}

func TestManyStartAtOnce(t *testing.T) {
	server := redistest.Start(t)
	var wg sync.WaitGroup
	for range 8 {
		b, err := New(Options{Addrs: []string{server.Addr()}})
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			defer b.Close()
			if err := b.Start(t.Context(), new(pubsubtest.Recorder)); err != nil {
				t.Errorf("Start: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestSearchIsBounded(t *testing.T) {
	server := redistest.Start(t)
	server.Do("DEBUG", "POPULATE", "20000", "other")
	var logged logs
	s := start(t, server, logged.take)
	if err := s.searchForeign(t.Context(), 0); err != nil {
		t.Errorf("%v, want none: nothing was found in time", err)
	}
	if !strings.Contains(logged.String(), "more keys than the start can look at") {
		t.Errorf("the log is %q, want that the search was cut off", logged.String())
	}
	server.Do("SET", "wsbridge:foreign", "x")
	mustRefuse(t, s.searchForeign(t.Context(), searchTime), `"wsbridge:foreign"`)
}

func TestForeignKeyInACluster(t *testing.T) {
	cluster := redistest.StartCluster(t, 3, 0)
	const key = "wsbridge:users:1"
	cluster.MasterOf(redistest.Slot(key)).Do("SET", key, "x")
	mustRefuse(t, startError(t, Options{Addrs: cluster.Addrs(), Cluster: true}), key)
}

func TestStartWithoutRedis(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "right")
	o := Options{Addrs: []string{server.Addr()}}
	mustRefuse(t, startError(t, o), "NOAUTH")
	o.Password = "wrong"
	mustRefuse(t, startError(t, o), "WRONGPASS")
	server.Kill()
	for _, o := range []Options{
		{Addrs: []string{server.Addr()}},
		{Addrs: []string{server.Addr()}, Cluster: true},
		{Addrs: []string{server.Addr()}, Master: "main"},
	} {
		if err := startError(t, o); !errors.Is(err, pubsub.ErrUnavailable) {
			t.Errorf("%v, want ErrUnavailable", err)
		}
	}
}

// A start that failed since Redis was away succeeds once it is there.
func TestStartAgain(t *testing.T) {
	server := redistest.Start(t)
	server.Kill()
	b, err := New(Options{Addrs: []string{server.Addr()}})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	r := new(pubsubtest.Recorder)
	if err := b.Start(t.Context(), r); !errors.Is(err, pubsub.ErrUnavailable) {
		t.Fatalf("Start: %v, want ErrUnavailable", err)
	}
	server.Restart()
	if err := b.Start(t.Context(), r); err != nil {
		t.Fatalf("Start: %v", err)
	}
	(&subject{b, t, r}).send("news", "x")
}
