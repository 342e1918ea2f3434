package redisbroker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Options configure a [Broker]. The zero value works with a Redis on localhost.
//
// An ACL user needs these rights, with the prefix of the options in the first two:
//
//	~wsbridge:* &wsbridge:* +ping +select +client|setname +info +command +cluster|slots +asking
//	+subscribe +unsubscribe +ssubscribe +sunsubscribe +publish +spublish
//	+eval +evalsha +script|load +multi +exec +wait +time +scan +type
//	+get +set +del +exists +pexpire +zadd +zrange +zrem +zremrangebyscore
//	+hget +hset +hdel +hlen +hmget +hgetall +hscan +xadd +xrange +xrevrange +xtrim
//
// and a user of the sentinels
// &* +ping +subscribe +client|setname +sentinel|get-master-addr-by-name +sentinel|sentinels +sentinel|replicas.
type Options struct {
	Addrs   []string // HOST:PORT: the node, some of the Cluster's nodes, or the sentinels; empty: localhost:6379
	Master  string   // the master's name among the sentinels; empty: there are none
	Cluster bool     // Redis Cluster, 7.0 or newer: announcements are sharded
	DB      int      // of a single node or Sentinel

	User, Password                 string      // of an ACL user; without user: the default one
	SentinelUser, SentinelPassword string      // empty: the same
	TLS                            *tls.Config // nil: connections are not encrypted

	Prefix string // of all keys and topics; empty: wsbridge

	// Retention returns what is kept of a channel's log. It is called for every message and
	// must be fast. Instances should agree on it: each publication and each read applies the
	// one of its own instance. nil: always [pubsub.DefaultRetention].
	Retention func(pubsub.Channel) pubsub.Retention

	// PositionTTL is how long a position outlives the messages of its channel after the
	// last publish, read or subscription. 0: [pubsub.DefaultPositionTTL].
	PositionTTL time.Duration

	Lines  int          // subscription connections to each master; 0: 2
	Logger *slog.Logger // nil: nothing is logged
}

func (o Options) withDefaults() (Options, error) {
	if len(o.Addrs) == 0 {
		o.Addrs = []string{"localhost:6379"}
	}
	if o.Prefix == "" {
		o.Prefix = "wsbridge"
	}
	if o.Retention == nil {
		o.Retention = func(pubsub.Channel) pubsub.Retention { return pubsub.DefaultRetention }
	}
	if o.PositionTTL <= 0 {
		o.PositionTTL = pubsub.DefaultPositionTTL
	}
	o.PositionTTL = max(o.PositionTTL, time.Millisecond) // Redis counts in these
	if o.Lines <= 0 {
		o.Lines = 2
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.SentinelUser == "" && o.SentinelPassword == "" {
		o.SentinelUser, o.SentinelPassword = o.User, o.Password
	}
	switch {
	case o.Cluster && o.Master != "":
		return o, errors.New("redisbroker: a Cluster has no master's name; use either")
	case o.Cluster && o.DB != 0:
		return o, fmt.Errorf("redisbroker: a Cluster has database 0 only, not %d", o.DB)
	case strings.ContainsAny(o.Prefix, "{}*?[]\\ \r\n"):
		// A brace would be taken for the hash tag, and the others by SCAN.
		return o, fmt.Errorf(`redisbroker: the prefix %q holds one of {}*?[]\ or a space`, o.Prefix)
	}
	return o, nil
}
