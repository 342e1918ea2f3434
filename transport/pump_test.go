package transport

import (
	"testing"
	"time"
)

func TestPause(t *testing.T) {
	const ms = time.Millisecond
	long := round{turns: 1000, items: 16_000, took: 8 * ms}
	for name, tt := range map[string]struct {
		before, last round
		since, want  time.Duration
	}{
		"at first":                   {since: time.Hour},
		"many publish":               {long, long, 0, ms / 2},
		"one round had all":          {round{turns: 1000, items: 1000, took: 6 * ms}, long, ms, ms / 2},
		"one publishes":              {round{turns: 1000, items: 1000, took: 8 * ms}, round{turns: 1000, items: 1000, took: 8 * ms}, 0, 0},
		"a while ago":                {long, long, 9 * ms, 0},
		"a short round":              {round{turns: 10, items: 100, took: ms}, round{turns: 10, items: 100, took: ms}, 0, 0},
		"a round that took for ever": {long, round{turns: 1e5, items: 1e6, took: time.Second}, 0, ms},
	} {
		if got := pause(tt.before, tt.last, tt.since); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
