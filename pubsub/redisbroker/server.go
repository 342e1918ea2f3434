package redisbroker

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"
)

// checkServers refuses servers that are too old, or not what the options call them.
func (b *Broker) checkServers(ctx context.Context) error {
	err := b.masters(ctx, b.checkServer)
	if b.o.Master != "" && errors.Is(err, redis.Nil) {
		return refusalf("the sentinels know no master %q: give the name that their configuration monitors", b.o.Master)
	}
	if err != nil && strings.Contains(err.Error(), "cluster support disabled") {
		return b.misnamed("no node of a Redis Cluster", "", "")
	}
	return err
}

func (b *Broker) checkServer(ctx context.Context, node *redis.Client) error {
	info, err := node.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	switch mode := infoField(info, "redis_mode"); {
	case mode == "cluster" && b.cluster == nil:
		return b.misnamed("a node of a Redis Cluster", "+cluster", "")
	case mode == "sentinel":
		return b.misnamed("a sentinel", "+sentinel", "/MASTER")
	}
	return checkVersion(infoField(info, "redis_version"), b.cluster != nil)
}

// misnamed returns the refusal of addresses that are another kind of server's.
func (b *Broker) misnamed(kind, scheme, path string) error {
	if b.o.TLS != nil {
		scheme = "s" + scheme
	}
	addrs := strings.Join(b.o.Addrs, ",")
	return refusalf("%s is %s: give it as redis%s://%s%s", addrs, kind, scheme, addrs, path)
}

// checkVersion refuses what lacks commands of ours: before 6.2 XTRIM MINID and XADD NOMKSTREAM,
// before 7.0 sharded pub/sub. What is no version passes: forks count as they like.
func checkVersion(version string, cluster bool) error {
	majorText, rest, _ := strings.Cut(version, ".")
	minorText, _, _ := strings.Cut(rest, ".")
	major, err1 := strconv.Atoi(majorText)
	minor, err2 := strconv.Atoi(minorText)
	switch {
	case err1 != nil || err2 != nil:
		return nil
	case major < 6 || major == 6 && minor < 2:
		return refusalf("this is Redis %s: upgrade it to 6.2 or newer", version)
	case cluster && major < 7:
		return refusalf("this is a Cluster of Redis %s, which has no sharded pub/sub: upgrade it to 7.0 or newer", version)
	}
	return nil
}

// infoField returns a field of an answer to INFO, "" when it is not there.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if value, ok := strings.CutPrefix(line, name+":"); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}
