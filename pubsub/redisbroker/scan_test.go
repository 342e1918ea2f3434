package redisbroker

import (
	"fmt"
	"slices"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/internal/redistest"
)

func TestScanFindsAll(t *testing.T) {
	server := redistest.Start(t)
	server.Do("DEBUG", "POPULATE", "5000", "other")
	var want, got []string
	for i := range 1000 {
		key := fmt.Sprintf(`a[b]*?\c:%03d`, i)
		server.Do("SET", key, "x")
		want = append(want, key)
	}
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	err := scan(t.Context(), client, literal(`a[b]*?\c:`)+"*", func(keys []string) error {
		got = append(got, keys...)
		return nil
	})
	slices.Sort(got)
	if got = slices.Compact(got); err != nil || !slices.Equal(want, got) {
		t.Errorf("%d keys and %v, want %d", len(got), err, len(want))
	}
	stop := fmt.Errorf("enough")
	if err := scan(t.Context(), client, "*", func([]string) error { return stop }); err != stop {
		t.Errorf("%v, want the error that ended it", err)
	}
}
