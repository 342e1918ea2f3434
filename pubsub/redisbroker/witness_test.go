package redisbroker

import (
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
)

// TestScar promotes a replica that lacks acknowledged messages, lets the log count on, and
// looks at what clients are told that stood in front of, at and behind the place.
func TestScar(t *testing.T) {
	for _, test := range []struct {
		name      string
		retention pubsub.Retention
	}{
		{"kept", pubsub.DefaultRetention},
		{"nothing kept", pubsub.Retention{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			keep := func(o *Options) { o.Retention = func(pubsub.Channel) pubsub.Retention { return test.retention } }
			master := redistest.Start(t)
			replica := master.Replica(t)
			before := start(t, master, keep)
			p := before.send("a", "1").Pos
			both := before.send("a", "2").Pos
			before.send("b", "untouched")
			until(t, "the replica", func() bool { return replica.Do("HGET", before.keys.record("b"), "o") == "1" })
			replica.CutReplica()
			untouched := before.end("b")
			before.send("a", "lost")
			lost := before.send("a", "lost as well").Pos
			master.Kill()
			replica.Promote()

			after := start(t, replica, keep)
			next := after.send("a", "3")
			known := map[pubsub.Channel]pubsub.Position{"a": lost, "b": untouched}
			for range 2 { // the second instance that knows adds nothing
				if err := after.mark(t.Context(), known); err != nil {
					t.Fatal(err)
				}
			}
			scar := after.end("a")
			same(t, "the scar's offset", next.Pos.Offset+1, scar.Offset)
			same(t, "the end of what lost nothing", untouched, after.end("b"))
			last := after.send("a", "4")

			read := func(since pubsub.Position) pubsub.Page {
				t.Helper()
				page, err := after.Read(t.Context(), "a", since, pubsub.Limit{Messages: 10})
				if err != nil {
					t.Fatal(err)
				}
				return page
			}
			gap := func(reason pubsub.Reason, from, to pubsub.Position) *pubsub.Gap {
				return &pubsub.Gap{Channel: "a", Reason: reason, From: from, To: to}
			}
			if test.retention.Off() {
				same(t, "from in front of it", pubsub.Page{Gap: gap(pubsub.Trimmed, p, last.Pos), From: last.Pos, End: last.Pos}, read(p))
				return
			}
			page := read(p)
			same(t, "messages in front of it", 2, len(page.Messages))
			same(t, "more", true, page.More)
			same(t, "from right in front of it", pubsub.Page{
				Gap: gap(pubsub.Rollback, next.Pos, scar), From: scar, Messages: []*pubsub.Message{last}, End: last.Pos,
			}, read(next.Pos))
			same(t, "from the fork", []*pubsub.Message{next}, read(both).Messages)
			page = read(lost)
			same(t, "from what was lost", gap(pubsub.Rollback, lost, page.From), page.Gap)
			back, err := after.ReadBack(t.Context(), "a", pubsub.Position{}, pubsub.Limit{Messages: 10})
			if err != nil {
				t.Fatal(err)
			}
			same(t, "history", 4, len(back.Messages))
			same(t, "all of the log", 4, len(after.log("a")))
		})
	}
}

// TestWitness restarts Redis without its file behind a broker that acknowledged messages, and
// with it: the first is a new epoch, the second no loss. Neither leaves a scar.
func TestWitnessSeesNoLossWhereNoneIs(t *testing.T) {
	server := redistest.StartAOF(t)
	s := start(t, server)
	end := s.send("a", "1").Pos
	until(t, "the masters", func() bool { _, err := s.runIDs(t.Context()); return err == nil && len(s.witness.remembered()) == 1 })
	server.Kill()
	server.Restart()
	if err := s.mark(t.Context(), s.witness.remembered()); err != nil {
		t.Fatal(err)
	}
	same(t, "the end", end, s.end("a"))
	server.RestartEmpty()
	s.send("a", "2")
	if err := s.mark(t.Context(), s.witness.remembered()); err != nil {
		t.Fatal(err)
	}
	same(t, "the end's offset", 1, s.end("a").Offset)
}
