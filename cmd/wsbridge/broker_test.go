package main

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/internal/config"
	"github.com/wsbridge/wsbridge/internal/metrics"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/redisbroker"
)

func TestRedisOptions(t *testing.T) {
	for _, tt := range []struct {
		flags map[string]string
		want  redisbroker.Options
	}{
		{map[string]string{"redis-url": "redis://h/7"}, redisbroker.Options{Addrs: []string{"h:6379"}, DB: 7}},
		{map[string]string{"redis-url": "redis://ann:s%40crt@h:1"}, redisbroker.Options{Addrs: []string{"h:1"}, User: "ann", Password: "s@crt"}},
		{map[string]string{"redis-url": "redis+cluster://:pw@a,b"}, redisbroker.Options{Addrs: []string{"a:6379", "b:6379"}, Cluster: true, Password: "pw"}},
		{map[string]string{"redis-url": "redis+sentinel://ann:pw@a,b/main"},
			redisbroker.Options{Addrs: []string{"a:26379", "b:26379"}, Master: "main", User: "ann", Password: "pw"}},
		{map[string]string{"redis-url": "redis+sentinel://ann:pw@a/main", "redis-sentinel-auth": ":other"},
			redisbroker.Options{Addrs: []string{"a:26379"}, Master: "main", User: "ann", Password: "pw", SentinelUser: "default", SentinelPassword: "other"}},
		{map[string]string{"redis-url": "redis+sentinel://ann:pw@a/main", "redis-sentinel-auth": "none"},
			redisbroker.Options{Addrs: []string{"a:26379"}, Master: "main", User: "ann", Password: "pw", SentinelUser: "default"}},
	} {
		tt.flags["redis-prefix"], tt.flags["position-ttl"] = "app", "48h"
		tt.want.Prefix, tt.want.PositionTTL = "app", 48*time.Hour
		cfg, err := config.Load(config.Sources{Flags: tt.flags})
		if err != nil {
			t.Fatal(err)
		}
		got := redisOptions(cfg, slog.Default())
		if got.Logger == nil || got.Retention("a") != pubsub.DefaultRetention {
			t.Errorf("%s: no logger, or other retention than that of the settings", tt.flags["redis-url"])
		}
		got.Logger, got.Retention = nil, nil
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.flags["redis-url"], diff)
		}
	}
	cfg, err := config.Load(config.Sources{Flags: map[string]string{"redis-url": "rediss://h"}})
	if err != nil {
		t.Fatal(err)
	}
	if o := redisOptions(cfg, slog.Default()); o.TLS == nil || o.TLS.InsecureSkipVerify {
		t.Errorf("rediss: TLS %+v", o.TLS)
	}
}

// TestMetricsKnowEveryReason looks for reasons that only the broker knows.
func TestMetricsKnowEveryReason(t *testing.T) {
	b, err := redisbroker.New(redisbroker.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	stats := b.Stats()
	if len(stats.Breaks) == 0 {
		t.Error("the broker knows no reason")
	}
	for reason := range stats.Breaks {
		stats.Breaks[reason] = 3
	}
	counted := metrics.New("test")
	counted.Watch(metrics.Sources{Redis: func() metrics.Redis { return redisMetrics(stats) }})
	answer := httptest.NewRecorder()
	counted.Handler().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	if got := strings.Count(answer.Body.String(), `"} 3`+"\n"); got != len(stats.Breaks) {
		t.Errorf("%d of %d reasons are counted:\n%s", got, len(stats.Breaks), answer.Body)
	}
}
