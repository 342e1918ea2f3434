package behaviour

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
)

// A resumption is a row of the table under "Resuming": what a client shows and what it is
// answered. Every message that is kept behind the place where it goes on comes, too.
type resumption struct {
	name      string
	namespace string
	prepare   func(t *testing.T, j *journal)
	shown     func(j *journal) pubsub.Position
	reason    pubsub.Reason // "": no gap
	on        int           // the message behind which it goes on
}

func written(n int) func(*testing.T, *journal) {
	return func(t *testing.T, j *journal) { j.write(t, n) }
}

// aged writes n messages and waits until retention has dropped them.
func aged(n int) func(*testing.T, *journal) {
	return func(t *testing.T, j *journal) {
		j.write(t, n)
		until(t, "all messages have aged out", func() bool { return j.info(t, j.channel).Retained == 0 })
	}
}

func at(n int) func(*journal) pubsub.Position {
	return func(j *journal) pubsub.Position { return j.at[n] }
}

var resumptions = []resumption{
	{"from the beginning", "orders", written(5), at(0), "", 0},
	{"from the middle", "orders", written(5), at(3), "", 3},
	{"from the end", "orders", written(5), at(5), "", 5},
	{"from the end of an empty log", "orders", written(0), at(0), "", 0},
	{"from zero", "orders", written(5), zero, "", 0},
	{"from zero, trimmed", "few", written(8), zero, "", 3},
	{"from in front of the oldest kept", "few", written(8), at(3), "", 3},
	{"from the end, all aged out", "brief", aged(3), at(3), "", 3},
	{"from zero, all aged out", "brief", aged(3), zero, "", 3},
	{"trimmed by count", "few", written(8), at(1), pubsub.Trimmed, 3},
	{"trimmed by count from the first", "few", written(8), at(0), pubsub.Trimmed, 3},
	{"trimmed by age", "brief", aged(3), at(1), pubsub.Trimmed, 3},
	{"digest forged", "orders", written(5), func(j *journal) pubsub.Position {
		p := j.at[2]
		p.Digest++
		return p
	}, pubsub.Rollback, 2},
	{"digest forged, at the end", "orders", written(5), func(j *journal) pubsub.Position {
		p := j.at[5]
		p.Digest++
		return p
	}, pubsub.Rollback, 5},
	{"digest forged of an old position", "few", written(8), func(j *journal) pubsub.Position {
		p := j.at[1]
		p.Digest++
		return p
	}, pubsub.Trimmed, 3},
	{"beyond the end", "orders", written(5), func(j *journal) pubsub.Position {
		p := j.at[5]
		p.Offset = 1 << 40
		return p
	}, pubsub.Rollback, 5},
	{"beyond the end of an empty log", "orders", written(0), func(j *journal) pubsub.Position {
		p := j.at[0]
		p.Offset = 1
		return p
	}, pubsub.Rollback, 0},
	{"another epoch", "orders", written(5), elsewhere, pubsub.Replaced, 0},
	{"another epoch, trimmed", "few", written(8), elsewhere, pubsub.Replaced, 3},
	{"another epoch, all aged out", "brief", aged(3), elsewhere, pubsub.Replaced, 3},
}

func zero(*journal) pubsub.Position { return pubsub.Position{} }

func elsewhere(j *journal) pubsub.Position {
	return pubsub.Position{Epoch: "anotherlife", Offset: 2, Digest: j.at[0].Digest}
}

func TestResuming(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		for _, row := range resumptions {
			t.Run(strings.ReplaceAll(row.name, " ", "-"), func(t *testing.T) {
				t.Parallel()
				each(t, func(t *testing.T, transport raw.Transport) {
					j := s.journal(t, named(t, row.namespace))
					row.prepare(t, j)
					shown := row.shown(j)
					l := s.join(t, transport, raw.Options{Cursor: pubsub.Cursor{}.Set(j.channel, shown)})
					if row.reason != "" {
						l.gap(pubsub.Gap{Channel: j.channel, Reason: row.reason, From: shown, To: j.at[row.on]})
					}
					j.follow(t, l, row.on)
				})
			})
		}
	})
}

// With retention off, who stands behind the end misses what came since, and who waits at
// the end is given it.
func TestResumingWithRetentionOff(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			j := s.journal(t, named(t, "off"))
			l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{j.channel}})
			l.Close()
			j.write(t, 4)
			l = s.join(t, transport, raw.Options{Cursor: l.Cursor(), Wait: 55 * time.Second})
			l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Trimmed, From: j.at[0], To: j.at[4]})
			if transport == raw.Poll {
				j.write(t, 2)
				l = s.join(t, transport, raw.Options{Cursor: l.Cursor()})
				l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Trimmed, From: j.at[4], To: j.at[6]})
				return
			}
			s.park(t, l, transport, j.channel)
			j.follow(t, l, 4)
		})
	})
}

func TestResumingAPurgedChannel(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			old := s.journal(t, named(t, "orders"))
			old.write(t, 3)
			s.purge(t, old.channel)
			s.purge(t, old.channel)
			j := s.journal(t, old.channel)
			j.write(t, 2)
			l := s.join(t, transport, raw.Options{Cursor: old.behind(2)})
			l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Purged, From: old.at[2], To: j.at[0]})
			j.follow(t, l, 0)
		})
	})
}

// The position of a log that lost its tail and counted on is told apart by its digest.
func TestResumingBehindALostTail(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	each(t, func(t *testing.T, transport raw.Transport) {
		old := s.journal(t, named(t, "orders"))
		old.write(t, 5)
		j := s.rollBack(t, old, 3)
		j.write(t, 4)
		l := s.join(t, transport, raw.Options{Cursor: old.behind(5)})
		l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Rollback, From: old.at[5], To: j.at[5]})
		j.follow(t, l, 5)
	})
}

// rollBack lets the broker forget what stands behind the n-th message.
func (s *server) rollBack(t *testing.T, old *journal, n int) *journal {
	t.Helper()
	if _, err := s.broker.inner.Rollback(context.Background(), old.channel, uint64(n)); err != nil {
		t.Fatal(err)
	}
	return &journal{s, old.channel, append([]pubsub.Position(nil), old.at[:n+1]...)}
}

func TestWhoStandsThereIsToldOfAPurge(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			old := s.journal(t, named(t, "orders"))
			old.write(t, 3)
			l := s.join(t, transport, raw.Options{Cursor: old.behind(3), Wait: 55 * time.Second})
			s.park(t, l, transport, old.channel)
			s.purge(t, old.channel)
			j := s.journal(t, old.channel)
			l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Purged, From: old.at[3], To: j.at[0]})
			j.follow(t, l, 0)
		})
	})
}

func TestWhoStandsThereIsToldOfARollback(t *testing.T) {
	t.Parallel()
	s := start(t, setup{})
	each(t, func(t *testing.T, transport raw.Transport) {
		old := s.journal(t, named(t, "orders"))
		old.write(t, 5)
		l := s.join(t, transport, raw.Options{Cursor: old.behind(5), Wait: 55 * time.Second})
		s.park(t, l, transport, old.channel)
		j := s.rollBack(t, old, 3)
		l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Rollback, From: old.at[5], To: j.at[3]})
		j.follow(t, l, 3)
	})
}

// Memory is short: retention would keep what the broker had to drop.
func TestResumingBehindAnOverflow(t *testing.T) {
	t.Parallel()
	const size, memory = 30_000, 1 << 20
	each(t, func(t *testing.T, transport raw.Transport) {
		s := start(t, setup{
			broker: membroker.Options{Memory: memory},
			// The channel is followed all the time, and so keeps its position.
			bridge: bridge.Options{Linger: time.Hour},
		})
		c := named(t, "orders")
		l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{c}})
		shown := s.publish(t, c, "0")
		l.message()
		l.CloseNow()
		data := `"` + strings.Repeat("x", size) + `"`
		at := map[uint64]pubsub.Position{shown.Offset: shown}
		for range 2 * memory / size {
			p := s.publish(t, c, data)
			at[p.Offset] = p
		}
		kept := s.info(t, c).Retained
		front := at[uint64(len(at)-kept)]
		if kept < 5 || front.IsZero() || front == shown {
			t.Fatalf("%d of %d messages are kept", kept, len(at))
		}
		l = s.join(t, transport, raw.Options{Cursor: l.Cursor()})
		l.gap(pubsub.Gap{Channel: c, Reason: pubsub.Overflow, From: shown, To: front})
		for offset := front.Offset + 1; offset <= uint64(len(at)); offset++ {
			if m := l.message(); m.Pos != at[offset] {
				t.Fatalf("message %v came, want %v", m.Pos, at[offset])
			}
		}
		next := s.publish(t, c, "1")
		if m := l.message(); m.Pos != next {
			t.Fatalf("message %v came, want the one that was published now", m.Pos)
		}
	})
}
