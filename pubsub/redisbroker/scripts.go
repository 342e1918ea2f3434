package redisbroker

import (
	"context"
	_ "embed"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/publish.lua
var publishSource string

//go:embed scripts/log.lua
var logSource string

//go:embed scripts/end.lua
var endSource string

//go:embed scripts/read.lua
var readSource string

//go:embed scripts/peek.lua
var peekSource string

//go:embed scripts/purge.lua
var purgeSource string

//go:embed scripts/confirm.lua
var confirmSource string

//go:embed scripts/scar.lua
var scarSource string

var (
	publishScript = redis.NewScript(publishSource)
	endScript     = redis.NewScript(logSource + endSource)
	readScript    = redis.NewScript(logSource + readSource)
	peekScript    = redis.NewScript(logSource + peekSource)
	purgeScript   = redis.NewScript(logSource + purgeSource)
	confirmScript = redis.NewScript(logSource + confirmSource)
	scarScript    = redis.NewScript(logSource + scarSource)
)

// loadScripts gives every master the scripts that are sent in pipelines, where a missing one
// cannot be sent along in time.
func (b *Broker) loadScripts(ctx context.Context) error {
	return b.masters(ctx, func(ctx context.Context, node *redis.Client) error {
		for _, s := range []*redis.Script{publishScript, endScript, peekScript, scarScript} {
			if err := s.Load(ctx, node).Err(); err != nil {
				return err
			}
		}
		return nil
	})
}

// masters calls f for each master: of the Cluster side by side, else for the only one.
func (b *Broker) masters(ctx context.Context, f func(context.Context, *redis.Client) error) error {
	if b.cluster != nil {
		return b.cluster.ForEachMaster(ctx, f)
	}
	return f(ctx, b.client.(*redis.Client))
}
