package redisbroker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// formatVersion is what the key PREFIX:format holds, and the v1 in the names of all others.
const formatVersion = "1"

// searchTime bounds how long the start looks for keys of something else.
const searchTime = 3 * time.Second

// guard refuses a server that cannot be used, and a prefix that something else uses.
func (b *Broker) guard(ctx context.Context) error {
	if err := b.checkServers(ctx); err != nil {
		return err
	}
	return b.claimPrefix(ctx)
}

func (b *Broker) claimPrefix(ctx context.Context) error {
	for range 3 { // others start as well
		version, err := b.client.Get(ctx, b.keys.format).Result()
		switch {
		case err == nil:
			return b.checkFormat(version)
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			return b.foreign(b.keys.format)
		case !errors.Is(err, redis.Nil):
			return err
		}
		if err := b.searchForeign(ctx, searchTime); err != nil {
			return err
		}
		if first, err := b.client.SetNX(ctx, b.keys.format, formatVersion, 0).Result(); first || err != nil {
			return err
		}
	}
	return fmt.Errorf("%w: the key %q comes and goes", pubsub.ErrUnavailable, b.keys.format)
}

func (b *Broker) checkFormat(version string) error {
	n, err := strconv.Atoi(version)
	switch {
	case version == formatVersion:
		return nil
	case err == nil && n > 1:
		return refusalf("what the prefix %q holds has format %d, which is newer than this program: upgrade it, or choose another prefix", b.o.Prefix, n)
	}
	return b.foreign(b.keys.format)
}

func (b *Broker) foreign(key string) error {
	return refusalf("something else uses the prefix %q in this Redis, as the key %.100q shows: choose another prefix", b.o.Prefix, key)
}

// searchForeign refuses a prefix under which there is a key that is none of ours. A database
// may hold more keys than can be looked at in time.
func (b *Broker) searchForeign(ctx context.Context, atMost time.Duration) error {
	errLong := errors.New("it takes too long")
	begun := time.Now()
	return b.masters(ctx, func(ctx context.Context, node *redis.Client) error {
		err := scan(ctx, node, literal(b.o.Prefix)+":*", func(keys []string) error {
			err := b.checkKeys(ctx, node, keys)
			if err == nil && time.Since(begun) > atMost {
				return errLong
			}
			return err
		})
		if errors.Is(err, errLong) {
			b.log.Warn("Redis holds more keys than the start can look at: some may be under the prefix and belong to something else",
				"prefix", b.o.Prefix, "time", atMost)
			return nil
		}
		return err
	})
}

// checkKeys refuses keys that no broker makes.
func (b *Broker) checkKeys(ctx context.Context, node *redis.Client, keys []string) error {
	pipe := node.Pipeline()
	types := make([]*redis.StatusCmd, len(keys))
	for i, key := range keys {
		if b.keys.typeOf(key) == "" {
			return b.foreign(key)
		}
		types[i] = pipe.Type(ctx, key)
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	for i, key := range keys {
		// What was there a moment ago may have expired: none.
		if is := types[i].Val(); is != b.keys.typeOf(key) && is != "none" {
			return b.foreign(key)
		}
	}
	return nil
}

// typeOf returns the Redis type of a key of ours, "" for any other.
func (k keyspace) typeOf(key string) string {
	name, ok := strings.CutPrefix(key, k.root)
	switch {
	case key == k.format:
		return "string"
	case !ok:
		return ""
	case name == "instances":
		return "zset"
	case strings.HasPrefix(name, "instance:{") && strings.HasSuffix(name, "}"):
		return "hash"
	}
	channel, kind, ok := strings.Cut(strings.TrimPrefix(name, "{"), "}")
	if _, err := pubsub.ParseChannel(channel); err != nil || !ok || name[0] != '{' {
		return ""
	}
	switch {
	case kind == "":
		return "hash"
	case kind == ":log":
		return "stream"
	case strings.HasPrefix(kind, ":key:"):
		return "string"
	}
	return ""
}
