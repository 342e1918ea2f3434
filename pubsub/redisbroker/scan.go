package redisbroker

import (
	"context"
	"strings"

	"github.com/redis/go-redis/v9"
)

// scanned is about how many keys Redis looks at in one call, well below a millisecond of its time.
const scanned = 1000

// scan calls each with the keys of one node that match a pattern, some at a time, until it
// returns an error. A key may come twice; those that come or go meanwhile may be missing.
func scan(ctx context.Context, node *redis.Client, pattern string, each func(keys []string) error) error {
	for cursor := uint64(0); ; {
		keys, next, err := node.Scan(ctx, cursor, pattern, scanned).Result()
		if err != nil {
			return err
		}
		if err := each(keys); err != nil || next == 0 {
			return err
		}
		cursor = next
	}
}

var globs = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`)

// literal returns the pattern that only s matches.
func literal(s string) string { return globs.Replace(s) }
