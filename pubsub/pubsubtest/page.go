package pubsubtest

import (
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func (s suite) page(t *testing.T) {
	f := s.start(t, Config{})
	empty := f.read(pubsub.Position{}, all).End
	same(t, "an empty log", pubsub.Page{From: empty, End: empty}, f.read(empty, all))
	same(t, "an empty log, backwards", pubsub.Page{From: empty, End: empty}, f.readBack(pubsub.Position{}, all))

	messages := f.add(9)
	big := f.must(NewPublication(f.channel, strings.Repeat("x", 5000))).Message
	messages = append(messages, big)
	end := big.Pos
	at := func(i int) pubsub.Position { // in front of messages[i]
		if i == 0 {
			return empty
		}
		return messages[i-1].Pos
	}
	size := messages[0].Size()

	for _, test := range []struct {
		name        string
		limit       pubsub.Limit
		from, count int // forwards from messages[from]
	}{
		{"one", pubsub.Limit{Messages: 1}, 0, 1},
		{"some", pubsub.Limit{Messages: 4}, 3, 4},
		{"exactly the rest", pubsub.Limit{Messages: 7}, 3, 7},
		{"more than there are", pubsub.Limit{Messages: 100}, 3, 7},
		{"bytes for two", pubsub.Limit{Messages: 100, Bytes: 2 * size}, 3, 2},
		{"bytes for two and a half", pubsub.Limit{Messages: 100, Bytes: 2*size + size/2}, 3, 2},
		{"bytes end in front of a big one", pubsub.Limit{Messages: 100, Bytes: 5000}, 7, 2},
		{"at least one, whatever its size", pubsub.Limit{Messages: 100, Bytes: 1}, 9, 1},
		{"none is left", pubsub.Limit{Messages: 1}, 10, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := *f
			f.T = t
			want := pubsub.Page{
				From: at(test.from), End: end,
				Messages: some(messages, test.from, test.from+test.count),
				More:     test.from+test.count < len(messages),
			}
			page := f.read(at(test.from), test.limit)
			same(t, "the page", want, page)
			same(t, "the position behind it", at(test.from+test.count), page.Last())
		})
	}

	for _, test := range []struct {
		name          string
		limit         pubsub.Limit
		before, count int // backwards from in front of messages[before]
	}{
		{"back one", pubsub.Limit{Messages: 1}, 10, 1},
		{"back some", pubsub.Limit{Messages: 4}, 6, 4},
		{"back to the beginning", pubsub.Limit{Messages: 6}, 6, 6},
		{"back more than there are", pubsub.Limit{Messages: 100}, 6, 6},
		{"back bytes for two", pubsub.Limit{Messages: 100, Bytes: 2 * size}, 6, 2},
		{"back at least one, whatever its size", pubsub.Limit{Messages: 100, Bytes: 1}, 10, 1},
		{"back from the front", pubsub.Limit{Messages: 1}, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			f := *f
			f.T = t
			first := test.before - test.count
			want := pubsub.Page{
				From: at(first), End: end,
				Messages: some(messages, first, test.before),
				More:     first > 0,
			}
			same(t, "the page", want, f.readBack(at(test.before), test.limit))
		})
	}

	t.Run("back from the end", func(t *testing.T) {
		f := *f
		f.T = t
		want := pubsub.Page{From: at(7), End: end, Messages: messages[7:], More: true}
		same(t, "the page", want, f.readBack(pubsub.Position{}, pubsub.Limit{Messages: 3}))
	})

	t.Run("back from a position the log does not have", func(t *testing.T) {
		f := *f
		f.T = t
		forged := at(5)
		forged.Digest ^= 1
		same(t, "the page", pubsub.Page{
			Gap:  &pubsub.Gap{Channel: f.channel, Reason: pubsub.Rollback, From: forged, To: at(5)},
			From: at(3), End: end, Messages: messages[3:5], More: true,
		}, f.readBack(forged, pubsub.Limit{Messages: 2}))
		forged = at(5)
		forged.Epoch = pubsub.NewEpoch()
		same(t, "the page", pubsub.Page{
			Gap:  &pubsub.Gap{Channel: f.channel, Reason: pubsub.Replaced, From: forged, To: at(0)},
			From: at(0), End: end,
		}, f.readBack(forged, pubsub.Limit{Messages: 2}))
	})
}

// some returns messages[i:j], nil when it is empty.
func some(messages []*pubsub.Message, i, j int) []*pubsub.Message {
	if i == j {
		return nil
	}
	return messages[i:j]
}
