package metrics

import "testing"

func TestRedisIsAskedOnceForEachScrape(t *testing.T) {
	asked := 0
	m := New("dev")
	m.Watch(Sources{Redis: func() Redis {
		asked++
		return Redis{
			Announcements: 7, Breaks: map[string]uint64{"line": 3, "audit": 1, "one": 2, "another": 3},
			Reconnects: 4, DeadLines: 2, Waiting: 9,
		}
	}})
	for i, metric := range []struct {
		name string
		want map[string]string
	}{
		{"wsbridge_redis_announcements_total", map[string]string{"": "7"}},
		{"wsbridge_redis_breaks_total", map[string]string{`{reason="line"}`: "3", `{reason="audit"}`: "1", `{reason="other"}`: "5", `{reason="log"}`: "0"}},
		{"wsbridge_redis_reconnects_total", map[string]string{"": "4"}},
		{"wsbridge_redis_lines_dead", map[string]string{"": "2"}},
		{"wsbridge_redis_publishes_waiting", map[string]string{"": "9"}},
	} {
		counts(t, m, metric.name, metric.want)
		if asked != i+1 {
			t.Errorf("asked %d times in %d scrapes", asked, i+1)
		}
	}
}

func TestWithoutRedisItsMetricsAreZero(t *testing.T) {
	m := New("dev")
	m.Watch(Sources{})
	for _, name := range []string{"wsbridge_redis_announcements_total", "wsbridge_redis_lines_dead"} {
		counts(t, m, name, map[string]string{"": "0"})
	}
	counts(t, m, "wsbridge_redis_breaks_total", map[string]string{`{reason="line"}`: "0", `{reason="other"}`: "0"})
}
