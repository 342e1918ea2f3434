package redisbroker

import (
	"cmp"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A connection is one life of a line. What is not constant is guarded by line.mu.
type connection struct {
	pubsub *redis.PubSub
	canary string        // the topic of the line's canaries
	kick   chan struct{} // something is wanted, or all was answered

	ready   atomic.Bool  // everything that the line carries is subscribed to
	touched atomic.Int64 // when the server confirmed something, Unix nanoseconds

	wanted map[pubsub.Channel]*followed // to subscribe to or, if nil, to leave, as soon as possible
	asked  []request                    // sent and not answered, in order
	cause  error                        // why it was closed by this side
}

// A request is one command that asks for topics, or gives them back. Redis confirms topic by
// topic, in order, or answers with one error.
type request struct {
	leave    bool
	topics   []string
	followed []*followed // of the topics; nil: they are left, or it is the canary's
	done     int         // topics that are confirmed
}

const topicsAtOnce = 512 // in one command

// requests returns the commands for what is wanted. Those of a Cluster name topics of one slot.
func requests(wanted map[pubsub.Channel]*followed, keys keyspace, sharded bool) (all []request) {
	type wish struct {
		slot int
		name pubsub.Channel
		f    *followed
	}
	wishes := make([]wish, 0, len(wanted))
	for name, f := range wanted {
		w := wish{name: name, f: f}
		if sharded {
			w.slot = slot(string(name))
		}
		wishes = append(wishes, w)
	}
	slices.SortFunc(wishes, func(a, b wish) int { return cmp.Compare(a.slot, b.slot) })

	var join, leave request
	last := -1
	flush := func() {
		for _, r := range []*request{&leave, &join} {
			if len(r.topics) > 0 {
				all = append(all, *r)
			}
		}
		leave, join = request{leave: true}, request{}
	}
	for _, w := range wishes {
		if w.slot != last || len(join.topics) == topicsAtOnce || len(leave.topics) == topicsAtOnce {
			flush()
			last = w.slot
		}
		if w.f == nil {
			leave.topics = append(leave.topics, keys.topic(w.name))
		} else {
			join.topics, join.followed = append(join.topics, keys.topic(w.name)), append(join.followed, w.f)
		}
	}
	flush()
	return all
}

// take returns what is wanted, nothing while answers are under way.
func (c *connection) take() map[pubsub.Channel]*followed {
	if len(c.asked) > 0 {
		return nil
	}
	wanted := c.wanted
	c.wanted = make(map[pubsub.Channel]*followed)
	return wanted
}

// confirm takes the confirmation of one topic, and returns the request that it belongs to,
// and whom to tell, if anybody. It is not ok if it is not the one that comes next.
func (c *connection) confirm(got *redis.Subscription) (r request, f *followed, ok bool) {
	if len(c.asked) == 0 {
		return r, nil, false
	}
	r = c.asked[0]
	if r.leave != strings.HasSuffix(got.Kind, "unsubscribe") || r.topics[r.done] != got.Channel {
		return r, nil, false
	}
	if r.followed != nil {
		f = r.followed[r.done]
	}
	if c.asked[0].done++; c.asked[0].done == len(r.topics) {
		c.next()
	}
	return r, f, true
}

// refuse takes an error, and returns the request that it answers. There must be one.
func (c *connection) refuse() request {
	r := c.asked[0]
	c.next()
	return r
}

// next forgets the oldest request, which was answered.
func (c *connection) next() {
	c.asked[0] = request{}
	if c.asked = c.asked[1:]; len(c.asked) == 0 {
		c.asked = nil
		signal(c.kick)
	}
}

// gaveAway reports whether an unasked confirmation says that a node of a Cluster gave away a
// slot that the line carries topics of.
func (c *connection) gaveAway(got *redis.Subscription) bool {
	return got.Kind == "sunsubscribe" && got.Channel != c.canary
}
