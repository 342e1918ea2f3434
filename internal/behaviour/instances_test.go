package behaviour

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A client takes its cursor to another instance, on any transport from any transport, and
// back: it goes on exactly behind it.
func TestChangingInstances(t *testing.T) {
	t.Parallel()
	s := startOnRedis(t, setup{})
	for _, from := range raw.Transports() {
		for _, to := range raw.Transports() {
			t.Run(from.String()+"-to-"+to.String(), func(t *testing.T) {
				t.Parallel()
				here, there := s, s.peer
				j := s.journal(t, named(t, "orders"))
				cursor, seen := j.behind(0), 0
				for range 2 {
					l := here.join(t, from, raw.Options{Cursor: cursor})
					j.follow(t, l, seen)
					cursor, seen = l.Cursor(), j.last()
					j.write(t, 3) // perhaps on their way to it when it leaves
					l.Close()

					l = there.join(t, to, raw.Options{Cursor: cursor})
					j.follow(t, l, seen)
					l.CloseNow()
					cursor, seen = l.Cursor(), j.last()
					here, there = there, here
				}
			})
		}
	}
}

// What ends is an instance, and not the log: whoever comes to the next one goes on.
func TestAllInstancesRestart(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, transport raw.Transport) {
		redis := redistest.Start(t)
		before := instance(t, redis.Addr(), setup{})
		j := before.journal(t, named(t, "orders"))
		l := before.join(t, transport, raw.Options{Cursor: j.behind(0)})
		j.follow(t, l, 0)
		j.write(t, 3)
		l.Close()
		before.stop()

		after := instance(t, redis.Addr(), setup{})
		j.server = after
		j.follow(t, after.join(t, transport, raw.Options{Cursor: l.Cursor()}), 1)
	})
}

// An instance that never followed a channel, or no longer does, answers from the log.
func TestComingToAnInstanceThatKnowsNothing(t *testing.T) {
	t.Parallel()
	s := startOnRedis(t, setup{bridge: bridge.Options{Linger: time.Millisecond}})
	each(t, func(t *testing.T, transport raw.Transport) {
		j := s.journal(t, named(t, "orders"))
		l := s.join(t, transport, raw.Options{Cursor: j.behind(0)})
		j.follow(t, l, 0)
		l.Close()
		until(t, "nobody is there", func() bool { return s.info(t, j.channel).Subscribers == 0 })
		j.write(t, 4)
		for _, at := range []*server{s, s.peer} {
			for _, n := range []int{0, 2, j.last()} {
				l := at.join(t, transport, raw.Options{Cursor: j.behind(n)})
				j.follow(t, l, n)
				l.Close()
			}
			beyond := j.at[j.last()]
			beyond.Offset += 10
			l := at.join(t, transport, raw.Options{Cursor: pubsub.Cursor{}.Set(j.channel, beyond)})
			l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Rollback, From: beyond, To: j.at[j.last()]})
			j.follow(t, l, j.last())
		}
	})
}

// A poll that one instance holds is answered when a message is published on another.
func TestAPollIsHeldElsewhere(t *testing.T) {
	t.Parallel()
	s := startOnRedis(t, setup{})
	for _, at := range []*server{s, s.peer} {
		c := named(t, "orders")
		start := s.end(t, c)
		held := at.hold(t, c, s.token())
		until(t, "the poll is held", func() bool { return at.info(t, c).Subscribers == 1 })
		pos := at.publish(t, c, "1")
		a := <-held
		if len(a.Messages) != 1 || a.Messages[0].Pos != pos || len(a.Gaps) > 0 || pos.Offset != start.Offset+1 {
			t.Fatalf("the poll was answered with %+v, want the message at %v", a, pos)
		}
		if diff := cmp.Diff(pubsub.Cursor{}.Set(c, pos), a.Cursor); diff != "" {
			t.Errorf("the cursor is another (-want +got):\n%s", diff)
		}
	}
}

// A key that was used on one instance is a repeat on another, of a backend and of a user.
func TestRepeatsOnAnotherInstance(t *testing.T) {
	t.Parallel()
	s := startOnRedis(t, setup{})
	c := named(t, "orders")
	alone := func(body string) request {
		return request{path: messagesOf(c), body: body, header: []string{"Idempotency-Key: once"}}
	}
	first := s.backend(t, alone("1"))
	at := s.stored(t, first)
	var receipt, repeated struct {
		ID, Channel, Pos string
		Duplicate        bool
	}
	first.decode(t, &receipt)
	r := s.peer.backend(t, alone(" 1"))
	r.decode(t, &repeated)
	receipt.Duplicate = true
	if diff := cmp.Diff(receipt, repeated); r.status != http.StatusOK || diff != "" {
		t.Errorf("the repeat was answered with %d (-want +got):\n%s", r.status, diff)
	}
	if r := s.peer.backend(t, alone("2")); r.refusal() != "422 key_reused" {
		t.Errorf("another body: %s", r.refusal())
	}
	var batch batchAnswer
	s.peer.backend(t, request{path: "/v1/messages", body: fmt.Sprintf(
		`{"messages":[{"channel":%q,"data":1,"idempotency_key":"once"}]}`, c)}).decode(t, &batch)
	if r := batch.Results[0]; r.Error != nil || !r.Duplicate || r.Pos != at.String() {
		t.Errorf("the repeat in a batch: %+v, want that at %v", r, at)
	}

	publish := wire.Command{
		Type: wire.Publish, Ref: "2", Channel: c, Key: "once",
		Data: pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("1")},
	}
	told := s.join(t, raw.WebSocket, raw.Options{}).ask(publish)
	if told.Type != wire.EventOK || told.Duplicate || told.Pos.Offset != 2 {
		t.Fatalf("a user's own key: %+v", told)
	}
	if e := s.peer.join(t, raw.WebSocket, raw.Options{}).ask(publish); !e.Duplicate || e.Pos != told.Pos || e.ID != told.ID {
		t.Errorf("the user's repeat: %+v, want that at %v", e, told.Pos)
	}
	publish.Token = s.token()
	if _, e := s.peer.send(t, publish); !e.Duplicate || e.Pos != told.Pos {
		t.Errorf("the user's repeat by POST: %+v, want that at %v", e, told.Pos)
	}
	if n := s.end(t, c).Offset; n != 2 {
		t.Errorf("%d messages are stored, want 2", n)
	}
}

// Who purges a log on one instance is heard on all of them.
func TestAPurgeIsHeardEverywhere(t *testing.T) {
	t.Parallel()
	s := startOnRedis(t, setup{})
	old := s.journal(t, named(t, "orders"))
	old.write(t, 3)
	var lines []*line
	for _, at := range []*server{s, s.peer} {
		for _, transport := range raw.Transports() {
			l := at.join(t, transport, raw.Options{Cursor: old.behind(3), Wait: 55 * time.Second})
			at.park(t, l, transport, old.channel)
			lines = append(lines, l)
		}
	}
	s.purge(t, old.channel)
	j := s.journal(t, old.channel)
	for _, l := range lines {
		l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Purged, From: old.at[3], To: j.at[0]})
	}
	for _, at := range []*server{s, s.peer} {
		// They were told, and did not have to wait for the next look at where all logs end.
		until(t, "the purge is announced", func() bool { return at.redis.Stats().Breaks["log"] == 1 })
	}
	j.write(t, 1)
	for _, l := range lines {
		j.is(t, l.message(), 1)
	}
}

// A listing is a page of GET /v1/channels.
type listing struct {
	Channels []struct {
		Channel pubsub.Channel
		info
	}
	Next pubsub.Channel
}

// Every instance tells of subscribers on all of them, and of every channel that one of them
// has, page by page.
func TestCountsOverInstances(t *testing.T) {
	t.Parallel()
	s := startOnRedis(t, setup{})
	here, there, kept := named(t, "n1"), named(t, "n2"), named(t, "n3")
	s.publish(t, kept, "1")
	var lines []*line
	join := func(at *server, transport raw.Transport, channels ...pubsub.Channel) {
		lines = append(lines, at.join(t, transport, raw.Options{Channels: channels}))
	}
	join(s, raw.WebSocket, here)
	join(s, raw.WebSocket, here, there)
	join(s.peer, raw.SSE, here)
	join(s.peer, raw.HTTPStream, here)
	held := s.peer.hold(t, there, s.token())

	want := map[pubsub.Channel]info{here: {Subscribers: 4}, there: {Subscribers: 2}, kept: {Retained: 1}}
	for c, i := range want {
		for _, at := range []*server{s, s.peer} {
			until(t, "all are counted", func() bool {
				got := at.info(t, c)
				return got.Subscribers == i.Subscribers && got.Retained == i.Retained
			})
		}
		i.Pos = s.info(t, c).Pos
		want[c] = i
	}
	for _, at := range []*server{s, s.peer} {
		if diff := cmp.Diff(want, at.list(t, 2)); diff != "" {
			t.Errorf("the list is another (-want +got):\n%s", diff)
		}
	}

	for _, l := range lines {
		l.Close()
	}
	s.publish(t, there, "2")
	<-held
	want = map[pubsub.Channel]info{
		there: {Pos: s.info(t, there).Pos, Retained: 1},
		kept:  {Pos: s.info(t, kept).Pos, Retained: 1},
	}
	for _, at := range []*server{s, s.peer} {
		until(t, "those who left are not counted", func() bool { return cmp.Equal(want, at.list(t, 2)) })
	}
}

// list returns what is told of all channels, in pages of n.
func (s *server) list(t *testing.T, n int) map[pubsub.Channel]info {
	t.Helper()
	all := make(map[pubsub.Channel]info)
	var page listing
	for first := true; first || page.Next != ""; first = false {
		r := s.backend(t, request{path: fmt.Sprintf("/v1/channels?prefix=n&limit=%d&after=%s", n, page.Next)})
		page = listing{}
		r.decode(t, &page)
		for _, c := range page.Channels {
			all[c.Channel] = c.info
		}
	}
	return all
}
