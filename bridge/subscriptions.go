package bridge

import (
	"iter"
	"slices"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Subscriptions are those of one client, by channel. Most clients have one, and a map for it
// would take more memory than all else that the bridge holds for the client. The client's
// mutex guards them.
type subscriptions struct {
	few  []*subscription // up to fewSubscriptions
	many map[pubsub.Channel]*subscription
}

// fewSubscriptions is how many are searched one after the other.
const fewSubscriptions = 8

func (ss *subscriptions) len() int { return len(ss.few) + len(ss.many) }

// get returns the subscription to a channel, or nil.
func (ss *subscriptions) get(name pubsub.Channel) *subscription {
	for _, sub := range ss.few {
		if sub.name == name {
			return sub
		}
	}
	return ss.many[name]
}

// add adds a subscription to a channel that has none.
func (ss *subscriptions) add(sub *subscription) {
	switch {
	case ss.many != nil:
		ss.many[sub.name] = sub
	case len(ss.few) < fewSubscriptions:
		ss.few = append(ss.few, sub)
	default:
		ss.many = make(map[pubsub.Channel]*subscription, 2*fewSubscriptions)
		for _, old := range ss.few {
			ss.many[old.name] = old
		}
		ss.few = nil
		ss.many[sub.name] = sub
	}
}

// remove removes a subscription and reports whether it was there.
func (ss *subscriptions) remove(sub *subscription) bool {
	if ss.many != nil {
		if ss.many[sub.name] != sub {
			return false
		}
		delete(ss.many, sub.name)
		return true
	}
	i := slices.Index(ss.few, sub)
	if i < 0 {
		return false
	}
	ss.few = slices.Delete(ss.few, i, i+1)
	return true
}

// all gives all of them, in no order.
func (ss *subscriptions) all() iter.Seq[*subscription] {
	return func(yield func(*subscription) bool) {
		for _, sub := range ss.few {
			if !yield(sub) {
				return
			}
		}
		for _, sub := range ss.many {
			if !yield(sub) {
				return
			}
		}
	}
}
