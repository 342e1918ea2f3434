package bridge

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/pubsub/membroker"
)

// An overtaken broker lets something happen behind a read of a log, before its caller gets
// the page.
type overtaken struct {
	scripted
	then func()
}

func (o *overtaken) Read(ctx context.Context, c pubsub.Channel, since pubsub.Position, limit pubsub.Limit) (pubsub.Page, error) {
	page, err := o.Broker.Read(ctx, c, since, limit)
	if then := o.then; then != nil {
		o.then = nil
		then()
	}
	return page, err
}

func openOvertaken(t *testing.T) (*Bridge, *overtaken) {
	o := &overtaken{}
	b := open(t, Options{}, ample, func(inner pubsub.Broker) pubsub.Broker { o.Broker = inner; return o })
	return b, o
}

// A page that was read before the log went back must not put its reader ahead of a history
// that will never come.
func TestALogThatGoesBackBehindAPage(t *testing.T) {
	b, o := openOvertaken(t)
	first := publish(t, b, "c", 1)
	live, c := connect(t, b), connect(t, b)
	live.subscribe("c", pubsub.Start{})
	publish(t, b, "c", 1)
	publish(t, b, "c", 1)
	c.subscribe("c", pubsub.Behind(first.Pos))
	o.then = func() {
		if _, err := o.Broker.(*membroker.Broker).Rollback(t.Context(), "c", 1); err != nil {
			t.Error(err)
		}
		publish(t, b, "c", 1)
	}
	items := c.pull()
	if got := offsets(items); !slices.Equal(got, []uint64{2, 3, 0}) && !slices.Equal(got, []uint64{2, 3, 0, 2}) {
		t.Fatalf("got %v, want 2 and 3 of the old history, then a gap", got)
	}
}

// A message that is announced while an empty page is on its way needs no second try later.
func TestAMessageThatIsAnnouncedBehindAnEmptyPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := openOvertaken(t)
		c := connect(t, b)
		c.subscribe("c", pubsub.Start{})
		publish(t, b, "c", 1)
		c.pull()
		o.receiver.Break("c")
		o.then = func() { publish(t, b, "c", 1) }
		if got := offsets(c.pull()); !slices.Equal(got, []uint64{2}) {
			t.Fatalf("got %v, want 2 at once", got)
		}
	})
}

// The same for a break: the log is read again, not put off.
func TestABreakBehindAnEmptyPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, o := openOvertaken(t)
		c := connect(t, b)
		c.subscribe("c", pubsub.Start{})
		publish(t, b, "c", 1)
		c.pull()
		o.receiver.Break("c")
		o.then = func() {
			if _, err := b.Purge(t.Context(), "c"); err != nil {
				t.Error(err)
			}
		}
		if got := offsets(c.pull()); !slices.Equal(got, []uint64{0}) {
			t.Fatalf("got %v, want the gap at once", got)
		}
	})
}
