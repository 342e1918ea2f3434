package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
)

// onRedis is the environment of a server with a broker at an address.
func onRedis(url string, more ...string) []string {
	return append([]string{"WSBRIDGE_REDIS_URL=" + url}, more...)
}

// publish publishes a message, as often as it takes. It may be called by any goroutine.
func publish(t *testing.T, s *server, n int) {
	t.Helper()
	c, err := client.New(s.url, client.Options{Patience: 2 * patience, Backend: true})
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if _, err := c.Publish(t.Context(), "orders:42", client.Publication{Data: n}); err != nil {
		t.Errorf("message %d: %v", n, err)
	}
}

func TestTwoInstancesOverEveryTransport(t *testing.T) {
	redis := redistest.Start(t)
	one := startServer(t, onRedis("redis://"+redis.Addr()+"/3"), "--dev")
	two := startServer(t, onRedis("redis://"+redis.Addr()+"/3"), "--dev")
	listeners := make(map[string]*process)
	for _, transport := range raw.Transports() {
		listeners[transport.String()] = two.listening("--transport="+transport.String(), "--count=3", "orders:42")
	}
	publish(t, one, 1)
	publish(t, two, 2)
	publish(t, one, 3)
	for name, p := range listeners {
		if status := p.status(); status != 0 {
			t.Errorf("%s: status %d: %s", name, status, &p.err)
		}
		lines := strings.Split(strings.TrimSpace(p.out.String()), "\n")
		for i := range 3 {
			if want := fmt.Sprintf(`"data":%d`, i+1); len(lines) != 3 || !strings.Contains(lines[i], want) {
				t.Errorf("%s: line %d of %q lacks %s", name, i, lines, want)
			}
		}
	}
	if _, body := get(t, two.url+"/v1/channels/orders:42/messages"); strings.Count(body, `"id"`) != 3 {
		t.Errorf("history on the other instance: %s", body)
	}
	_, scraped := get(t, two.admin+"/metrics")
	if strings.Contains(scraped, "wsbridge_redis_announcements_total 0\n") || !strings.Contains(scraped, `wsbridge_redis_breaks_total{reason="other"} 0`) {
		t.Error("metrics count no announcement, or know no reason of a break")
	}
	for _, line := range []string{"wsbridge_broker_up 1\n", "wsbridge_log_bytes 0\n", "wsbridge_redis_publishes_waiting 0\n"} {
		if !strings.Contains(scraped, line) {
			t.Errorf("metrics lack %q", line)
		}
	}
	one.terminate()
	two.terminate()
}

// TestKindsOfRedis reaches Redis in each way that a URL can ask for.
func TestKindsOfRedis(t *testing.T) {
	const password = "pass-word/of:redis@here"
	secured := strings.NewReplacer("/", "%2F", "@", "%40").Replace(password)
	try := func(t *testing.T, env []string) {
		t.Helper()
		s := startServer(t, append(env, keys...))
		if log := s.err.String(); strings.Contains(log, password) || strings.Contains(log, secured) || !strings.Contains(log, `"broker":"redis`) {
			t.Errorf("the log shows the password, or no broker:\n%s", log)
		}
		token := strings.TrimSpace(must(t, keys, "token", "ann", "--can", "*=subscribe"))
		p := s.listening("--token="+token, "--count=1", "a")
		must(t, []string{"WSBRIDGE_URL=" + s.url, "WSBRIDGE_API_KEY=" + testAPIKey}, "publish", "a", "1")
		if status := p.status(); status != 0 || !strings.Contains(p.out.String(), `"data":1`) {
			t.Errorf("status %d: %s%s", status, &p.out, &p.err)
		}
		s.terminate()
	}
	t.Run("password", func(t *testing.T) {
		redis := redistest.Start(t, "--requirepass", password)
		try(t, onRedis("redis://:"+secured+"@"+redis.Addr()))
	})
	t.Run("user", func(t *testing.T) {
		redis := redistest.Start(t)
		redis.AddUser("ann", password, "~app:*", "&app:*", "+@all", "-@dangerous", "+info", "+config|get")
		try(t, onRedis("redis://ann:"+secured+"@"+redis.Addr(), "WSBRIDGE_REDIS_PREFIX=app"))
	})
	t.Run("TLS", func(t *testing.T) {
		redis, _ := redistest.StartTLS(t)
		try(t, onRedis("rediss://"+redis.Addr(), "WSBRIDGE_REDIS_CA="+redis.CAFile()))
	})
	t.Run("Sentinel", func(t *testing.T) {
		redis := redistest.Start(t, "--requirepass", password)
		sentinels := redistest.StartSentinels(t, 3, redis)
		url := "redis+sentinel://default:" + secured + "@" + strings.Join(sentinels.Addrs, ",") + "/" + sentinels.Master
		for _, login := range []string{"none", ""} { // the sentinels have no password, and take any
			try(t, onRedis(url, "WSBRIDGE_REDIS_SENTINEL_AUTH="+login))
		}
	})
	t.Run("Cluster", func(t *testing.T) {
		cluster := redistest.StartCluster(t, 3, 0)
		try(t, onRedis("redis+cluster://"+cluster.Nodes[1].Addr()))
	})
}

func TestStartBeforeRedis(t *testing.T) {
	redis := redistest.Start(t)
	redis.Kill()
	s := startServer(t, onRedis("redis://"+redis.Addr()), "--dev")
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 503, "/v1/poll?channels=a": 503, "/v1/channels": 503, "/": 200} {
		resp, err := http.Get(s.url + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != want || want == 503 && (!strings.Contains(string(body), `"starting"`) || resp.Header.Get("Retry-After") == "") {
			t.Errorf("%s while Redis is away: %d %s", path, resp.StatusCode, body)
		}
	}
	// A client that retries comes through by itself.
	listener := begin(t, nil, []string{"WSBRIDGE_URL=" + s.url}, "listen", "--count=1", "orders:42")
	listener.says(&listener.err, "starting")
	if _, scraped := get(t, s.admin+"/metrics"); !strings.Contains(scraped, "wsbridge_broker_up 0\n") {
		t.Error("metrics call the broker up")
	}

	redis.Restart()
	eventually(t, "ready", func() bool { status, _ := get(t, s.url+"/readyz"); return status == 200 })
	s.says(&s.err, `msg="the broker is reached"`)
	listener.says(&listener.err, "connected by")
	publish(t, s, 1)
	if status := listener.status(); status != 0 {
		t.Errorf("the listener: status %d: %s", status, &listener.err)
	}
	if log := s.err.String(); strings.Count(log, "connection refused") != 1 {
		t.Errorf("the log repeats why Redis cannot be reached, or does not say it:\n%s", log)
	}
	s.terminate()
}

func TestRedisThatRefuses(t *testing.T) {
	redis := redistest.Start(t, "--requirepass", "good")
	foreign := redistest.Start(t)
	foreign.Do("SET", "wsbridge:sessions", "of another program")
	encrypted, _ := redistest.StartTLS(t)
	for name, tt := range map[string]struct{ url, says string }{
		"no authority":   {"rediss://" + encrypted.Addr(), "unknown authority"},
		"wrong password": {"redis://:hunter2@" + redis.Addr(), "WRONGPASS"},
		"no password":    {"redis://" + redis.Addr(), "NOAUTH"},
		"prefix in use":  {"redis://" + foreign.Addr(), "choose another prefix"},
		"no cluster":     {"redis+cluster://" + foreign.Addr(), "redis+cluster://" + foreign.Addr()},
	} {
		status, out, err := command(t, append(onRedis(tt.url, "WSBRIDGE_ADDR=127.0.0.1:0", "WSBRIDGE_ADMIN_ADDR=127.0.0.1:0"), keys...), "serve")
		var said []string
		for line := range strings.Lines(err) {
			if !strings.HasPrefix(line, "{") { // the log: a warning of few files, or of the limit that was raised
				said = append(said, line)
			}
		}
		if status != 1 || out != "" || len(said) != 1 || !strings.Contains(said[0], tt.says) {
			t.Errorf("%s: status %d, expected one line with %q\n%s%s", name, status, tt.says, out, err)
		}
		if strings.Contains(err, "hunter2") {
			t.Errorf("%s: the password is shown: %s", name, err)
		}
	}
}

func TestStopWhileStarting(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		t.Run(fmt.Sprintf("frozen=%t", frozen), func(t *testing.T) {
			redis := redistest.Start(t)
			if frozen {
				redis.Freeze()
			} else {
				redis.Kill()
			}
			s := startServer(t, onRedis("redis://"+redis.Addr(), "WSBRIDGE_DRAIN_DELAY=1h", "WSBRIDGE_DRAIN=1h"), "--dev")
			s.says(&s.err, "the broker cannot be reached")
			s.terminate()
			if log := s.err.String(); !strings.Contains(log, "msg=stopped") || strings.Contains(log, "level=ERROR") {
				t.Errorf("the end:\n%s", log)
			}
		})
	}
}

// A held is a WebSocket that must not break.
type held struct {
	t    *testing.T
	line *raw.Line
}

func hold(t *testing.T, s *server) *held {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	line, err := raw.Open(ctx, raw.Options{URL: s.url, Transport: raw.WebSocket, Channels: []pubsub.Channel{"orders:42"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { line.CloseNow() })
	h := &held{t, line}
	for h.next().Type != raw.Subscribed {
	}
	return h
}

func (h *held) next() raw.Event {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), patience)
	defer cancel()
	e, err := h.line.Next(ctx)
	if err != nil {
		h.t.Fatal("the WebSocket: ", err)
	}
	return e
}

// gets awaits messages in order, and nothing else but heartbeats.
func (h *held) gets(from, to int) {
	h.t.Helper()
	for n := from; n <= to; {
		e := h.next()
		switch {
		case e.Gap != nil || e.Message != nil && string(e.Message.Data.Bytes) != fmt.Sprint(n):
			h.t.Fatalf("got %+v, want message %d", e, n)
		case e.Message != nil:
			n++
		}
	}
}

func TestRedisIsFrozenForAWhile(t *testing.T) {
	redis := redistest.Start(t)
	s := startServer(t, onRedis("redis://"+redis.Addr()), "--dev")
	other := startServer(t, onRedis("redis://"+redis.Addr()), "--dev")
	h := hold(t, s)
	publish(t, other, 1)
	h.gets(1, 1)

	redis.Freeze()
	frozen := time.Now()
	published := make(chan struct{})
	go func() { // answered when Redis is back, by the client's own repeats
		defer close(published)
		publish(t, other, 2)
	}()
	eventually(t, "/readyz says that the broker is away", func() bool {
		status, body := get(t, s.url+"/readyz")
		return status == 503 && strings.Contains(body, `"unavailable"`)
	})
	if away := time.Since(frozen); away < brokerPatience-time.Second { // a command may have been on its way
		t.Errorf("/readyz gave up after %v", away)
	}
	if status, _ := get(t, s.url+"/healthz"); status != 200 {
		t.Errorf("/healthz while the broker is away: %d", status)
	}
	if _, scraped := get(t, s.admin+"/metrics"); !strings.Contains(scraped, "wsbridge_broker_up 0\n") {
		t.Error("metrics call a frozen broker up")
	}
	redis.Thaw()
	eventually(t, "/readyz is good again", func() bool { status, _ := get(t, s.url+"/readyz"); return status == 200 })
	<-published
	publish(t, other, 3)
	h.gets(2, 3)
}

func TestAnnouncementsAreMuted(t *testing.T) {
	redis := redistest.Start(t)
	proxy := redistest.NewProxy(t, redis.Addr())
	s := startServer(t, onRedis("redis://"+proxy.Addr()), "--dev")
	other := startServer(t, onRedis("redis://"+redis.Addr()), "--dev")
	h := hold(t, s)
	publish(t, other, 1)
	h.gets(1, 1)

	proxy.Mute(true)
	eventually(t, "/readyz says degraded", func() bool {
		status, body := get(t, s.url+"/readyz")
		return status == 200 && body == `{"status":"degraded"}`+"\n"
	})
	publish(t, other, 2)
	h.gets(2, 2)
	_, scraped := get(t, s.admin+"/metrics")
	for _, line := range []string{"wsbridge_broker_up 1\n", "wsbridge_broker_degraded 1\n"} {
		if !strings.Contains(scraped, line) {
			t.Errorf("metrics lack %q", line)
		}
	}
	if strings.Contains(scraped, "wsbridge_redis_lines_dead 0\n") {
		t.Error("metrics call no line dead")
	}
	proxy.Mute(false)
	eventually(t, "/readyz is good again", func() bool {
		_, body := get(t, s.url+"/readyz")
		return body == `{"status":"ok"}`+"\n"
	})
	publish(t, other, 3)
	h.gets(3, 3)
	if _, scraped := get(t, s.admin+"/metrics"); strings.Contains(scraped, "wsbridge_redis_reconnects_total 0\n") || !strings.Contains(scraped, "wsbridge_redis_lines_dead 0\n") {
		t.Error("metrics say nothing of the line that was made anew")
	}
}
