package redisbroker

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
)

// differ is cmp.Diff, which alone takes long for payloads.
func differ[T any](want, got T) string { return cmp.Diff(want, got, cmp.Comparer(bytes.Equal)) }

func difference(err error) string {
	if err == nil {
		return ""
	}
	return "error: " + err.Error()
}

// renewed looks at the beginning of another life.
func (m *model) renewed(begin pubsub.Position) string {
	m.shown = append(m.shown, begin)
	if slices.ContainsFunc(m.shown[:len(m.shown)-1], func(p pubsub.Position) bool { return p.Epoch == begin.Epoch }) {
		return "a new life has an old epoch\n"
	}
	return ""
}

// learn takes from Redis how much was dropped, where some of what was published may have aged
// while the rest was.
func (m *model) learn(broker *subject, before int) string {
	if m.retention.Age >= ages || len(m.entries)-m.fresh < 2 {
		return ""
	}
	text := m.server.Do("HGET", broker.keys.record(m.channel), "fo")
	got, err := strconv.Atoi(text)
	if err != nil || got < before || got > len(m.entries) {
		return fmt.Sprintf("%q were dropped, from %d to %d could be", text, before, len(m.entries))
	}
	m.dropped = got
	return ""
}

// settle holds what Redis keeps against the list, and lets everything age that may.
func (m *model) settle(broker *subject) (diff string) {
	if m.retention.Age < ages {
		time.Sleep(5 * time.Millisecond)
	}
	ctx, pipe := context.Background(), broker.client.Pipeline()
	log := broker.keys.log(m.channel)
	fields := pipe.HMGet(ctx, broker.keys.record(m.channel), "e", "o", "d", "b", "fo", "fd", "fb")
	lives := []*redis.DurationCmd{pipe.PTTL(ctx, broker.keys.record(m.channel)), pipe.PTTL(ctx, log)}
	exists, entries := pipe.Exists(ctx, log), pipe.XLen(ctx, log)
	if _, err := pipe.Exec(ctx); err != nil {
		return err.Error()
	}
	m.absent = exists.Val() == 0
	front, end := m.at(m.dropped), m.end()
	want := make([]any, 7)
	if m.epoch != "" {
		want = []any{
			string(m.epoch), fmt.Sprint(end.Offset), fmt.Sprintf("%08x", uint32(end.Digest)), fmt.Sprint(m.bytes(0, len(m.entries))),
			fmt.Sprint(front.Offset), fmt.Sprintf("%08x", uint32(front.Digest)), fmt.Sprint(m.bytes(0, m.dropped)),
		}
		if kept := len(m.entries) - m.dropped; !m.absent && entries.Val() != int64(kept) {
			diff += fmt.Sprintf("Redis keeps %d entries, want %d\n", entries.Val(), kept)
		}
	}
	for i, life := range lives {
		least := m.retention.Age // as was put off when something was appended just now
		if i == 0 {
			least = max(m.retention.Age, pubsub.DefaultPositionTTL)
		}
		appended := len(m.entries) > m.fresh && m.dropped < len(m.entries) && m.retention.Age >= ages
		if life.Val() == -1 || appended && life.Val() < least-time.Second {
			diff += fmt.Sprintf("key %d lives for %v\n", i, life.Val())
		}
	}
	return diff + differ(want, fields.Val())
}

// look compares what is told of the channel without reading it.
func (m *model) look(ctx context.Context, broker *subject, s step) string {
	infos, err := broker.peek(ctx, []pubsub.Channel{m.channel, "model:none"})
	if err != nil {
		return difference(err)
	}
	seen := m.modelLog // peeking changes nothing
	seen.trim()
	want := pubsub.Info{Channel: m.channel, Retained: len(seen.entries) - seen.dropped}
	if m.epoch != "" {
		want.Pos = m.end()
	}
	diff := differ([]pubsub.Info{want, {Channel: "model:none"}}, infos)
	if s.A%2 == 0 {
		return diff
	}
	ends, err := broker.ends(ctx, []pubsub.Channel{m.channel})
	if err != nil {
		return diff + difference(err)
	}
	if m.epoch == "" {
		diff += m.renewed(ends[0])
		m.begin(ends[0].Epoch)
	}
	diff += differ([]pubsub.Position{m.end()}, ends)
	info, err := broker.inspect(ctx, m.channel)
	m.trim()
	return diff + difference(err) + differ(pubsub.Info{Channel: m.channel, Pos: m.end(), Retained: len(m.entries) - m.dropped}, info)
}

// scar says that a position was once acknowledged, which may be so or not.
func (m *model) scar(ctx context.Context, broker *subject, s step) string {
	p := m.forge(s)
	if err := broker.mark(ctx, map[pubsub.Channel]pubsub.Position{m.channel: p}); err != nil {
		return difference(err)
	}
	offset := int(min(p.Offset, 1<<60))
	if m.epoch == "" || p.Epoch != m.epoch || offset < m.scarred {
		return ""
	}
	unknown := offset < m.dropped || m.absent && offset > m.dropped && offset < len(m.entries)
	if offset <= len(m.entries) && (unknown || m.at(offset).Digest == p.Digest) {
		return ""
	}
	before := m.end()
	m.trim()
	end, err := broker.ends(ctx, []pubsub.Channel{m.channel})
	if err != nil || end[0].Epoch != m.epoch || end[0].Offset != before.Offset+1 {
		return fmt.Sprintf("the scar behind %s is at %s, %v", before, end, err)
	}
	m.scarred, m.absent = offset+1, false
	m.entries = append(m.entries, modelEntry{&pubsub.Message{Pos: end[0]}, true})
	if m.retention.Off() {
		m.dropped = len(m.entries)
	}
	m.shown = append(m.shown, end[0])
	m.tell(nil)
	return ""
}

// follow follows the channel by both brokers, or no longer.
func (m *model) follow(ctx context.Context) (diff string) {
	if m.followed {
		m.leave()
		return ""
	}
	m.followed, m.announced, m.before = true, nil, len(m.shown)
	for _, broker := range m.subjects {
		m.skip[broker] = len(broker.recorder.Events(m.channel))
		end, err := broker.Follow(ctx, m.channel)
		if m.epoch == "" {
			diff += m.renewed(end)
			m.begin(end.Epoch)
		}
		diff += differ(m.end(), end) + difference(err)
	}
	return diff
}

func (m *model) leave() {
	m.followed = false
	for _, broker := range m.subjects {
		broker.Unfollow(m.channel)
	}
}

// tell notes what is announced; nil: a break.
func (m *model) tell(message *pubsub.Message) {
	if m.followed {
		m.announced = append(m.announced, pubsubtest.Event{Message: message})
	}
}

// heard waits for what was announced. What was published before Follow can still be on its way. On
// a machine that stands still for seconds a line may be taken for dead: then there is one break
// more, and messages may be missing in front of it.
func (m *model) heard() (diff string) {
	if !m.followed {
		return ""
	}
	split := func(events []pubsubtest.Event) (messages []*pubsub.Message, breaks int) {
		for _, e := range events {
			switch {
			case e.Message == nil:
				breaks++
			case !slices.Contains(m.shown[:m.before], e.Message.Pos):
				messages = append(messages, e.Message)
			}
		}
		return messages, breaks
	}
	want, wantBreaks := split(m.announced)
	for _, broker := range m.subjects {
		var got []*pubsub.Message
		var breaks int
		for end := time.Now().Add(pubsubtest.Patience); time.Now().Before(end); time.Sleep(100 * time.Microsecond) {
			got, breaks = split(broker.recorder.Events(m.channel)[m.skip[broker]:])
			if len(got) >= len(want) && breaks >= wantBreaks || breaks > wantBreaks {
				break
			}
		}
		due := want
		if breaks > wantBreaks {
			due = slices.DeleteFunc(slices.Clone(want), func(w *pubsub.Message) bool {
				return !slices.ContainsFunc(got, func(g *pubsub.Message) bool { return g.Pos == w.Pos })
			})
		}
		diff += differ(due, got)
	}
	return diff
}
