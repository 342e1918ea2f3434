package redisbroker

import (
	"testing"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/pubsubtest"
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
			replica.AwaitCopy(master)
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

// A takeover is a master that another one has replaced, which lacks what came last.
type takeover struct {
	old, new *redistest.Server
	proxies  []*redistest.Proxy // in front of them, one for each broker
}

func newTakeover(t *testing.T, brokers int) *takeover {
	o := &takeover{old: redistest.Start(t)}
	o.new = o.old.Replica(t)
	for range brokers {
		o.proxies = append(o.proxies, redistest.NewProxy(t, o.old.Addr()))
	}
	return o
}

// cut lets nothing more that is written come to the new master.
func (o *takeover) cut() {
	o.new.AwaitCopy(o.old)
	o.new.CutReplica()
}

// happen replaces the old master. Nobody is led to the new one yet.
func (o *takeover) happen() {
	o.old.Kill()
	o.new.Promote()
}

// lead leads a broker to the new master.
func (o *takeover) lead(n int) {
	o.proxies[n].Redirect(o.new.Addr())
	o.proxies[n].Cut()
}

// TestPublishingFindsWhatIsLost publishes where a log has lost what was acknowledged, and has
// passed its place meanwhile: the scar comes in front of the message.
func TestPublishingFindsWhatIsLost(t *testing.T) {
	for name, batch := range map[string]bool{"one by one": false, "in a batch": true} {
		t.Run(name, func(t *testing.T) {
			o := newTakeover(t, 1)
			s := start(t, nil, through(o.proxies[0]))
			s.send("a", "1")
			untouched := s.send("b", "1").Pos
			o.cut()
			s.send("a", "lost")
			lost := s.send("a", "lost as well").Pos
			o.happen()
			other := start(t, o.new)
			for range 10 {
				other.send("a", "x")
			}
			passed := other.end("a")
			if passed.Offset <= lost.Offset {
				t.Fatalf("the new log ends at %s, and the old one ended at %s", passed, lost)
			}
			o.lead(0)
			next := passed.Offset + 2 // behind the scar
			if batch {
				for i, outcome := range s.PublishBatch(t.Context(), []pubsub.Publication{
					pubsubtest.NewPublication("a", "2"), pubsubtest.NewPublication("b", "2"), pubsubtest.NewPublication("a", "3"),
				}) {
					if outcome.Err != nil {
						t.Fatal(outcome.Err)
					}
					same(t, "the offset", []uint64{next, untouched.Offset + 1, next + 1}[i], outcome.Receipt.Message.Pos.Offset)
				}
			} else {
				same(t, "the offset", next, s.send("a", "2").Pos.Offset)
				same(t, "the next one's", next+1, s.send("a", "3").Pos.Offset)
				same(t, "where nothing was lost", untouched.Offset+1, s.send("b", "2").Pos.Offset)
			}
			page, err := s.Read(t.Context(), "a", passed, pubsub.Limit{Messages: 10})
			if err != nil || page.Gap == nil {
				t.Fatalf("%+v, %v", page, err)
			}
			same(t, "the gap", pubsub.Gap{Channel: "a", Reason: pubsub.Rollback, From: passed, To: page.From}, *page.Gap)
			same(t, "what is behind it", 2, len(page.Messages))
		})
	}
}

// TestAnnouncedAndLost has nobody left who acknowledged what is lost: one who was told of it
// finds that it is gone, also where the log has passed its place before.
func TestAnnouncedAndLost(t *testing.T) {
	o := newTakeover(t, 2)
	w, r := start(t, nil, through(o.proxies[0])), read(t, nil, through(o.proxies[1]))
	r.follow("a", "b")
	w.send("a", "1")
	w.send("b", "1")
	o.cut()
	lost := w.send("a", "lost").Pos
	r.expect("a", "1", "lost")
	r.expect("b", "1")
	w.Close()
	o.happen()
	other := start(t, o.new)
	for other.end("a").Offset <= lost.Offset {
		other.send("a", "x")
	}
	untouched := other.end("b")
	o.lead(1)
	until(t, "the scar", func() bool {
		page, err := other.Read(t.Context(), "a", pubsub.Position{Epoch: lost.Epoch}, pubsub.Limit{Messages: 100})
		return err == nil && page.More // a page ends in front of a scar
	})
	same(t, "the end of what lost nothing", untouched, other.end("b"))
}

// TestAcknowledgedByTwoMasters has an old master go on for a while beside the new one: what it
// acknowledged when the log had a scar already is lost as well.
func TestAcknowledgedByTwoMasters(t *testing.T) {
	o := newTakeover(t, 0)
	s := start(t, o.old)
	s.send("a", "1")
	o.cut()
	first := s.send("a", "lost").Pos
	o.new.Promote()
	second := s.send("a", "lost as well").Pos
	after := start(t, o.new)
	scars := func(p pubsub.Position) int {
		t.Helper()
		before := after.end("a").Offset
		if err := after.mark(t.Context(), map[pubsub.Channel]pubsub.Position{"a": p}); err != nil {
			t.Fatal(err)
		}
		return int(after.end("a").Offset - before)
	}
	same(t, "scars for the first", 1, scars(first))
	same(t, "scars for the first again", 0, scars(first))
	same(t, "scars for the second", 1, scars(second))
	same(t, "scars for the first and the second again", 0, scars(first)+scars(second))
}
