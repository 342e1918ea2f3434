package bridge

import (
	"context"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// flaws break the bridge on purpose, so that the model-based test can show that it would
// notice. They are set by tests of this package only.
type flaws struct {
	noCatchUp bool // resuming clients turn live at once
	readFirst bool // the log is read before the subscription is registered
	unbroken  bool // what was read of a log counts on when the channel breaks
}

// skipsCatchUp reports whether a subscription turns live wherever it stands.
func (f flaws) skipsCatchUp(start pubsub.Start) bool {
	return start.Resume && (f.noCatchUp || f.readFirst)
}

// readBeforeRegistering reads the log to its end while nothing holds what is announced.
func (f flaws) readBeforeRegistering(ctx context.Context, c *Client, m pubsub.Mark) (items []Item) {
	if !f.readFirst || !m.Start.Resume {
		return nil
	}
	for at := m.Start.Pos; ; {
		page, err := c.bridge.broker.Read(ctx, m.Channel, at, pubsub.Limit{Messages: 100})
		if err != nil {
			return items
		}
		if page.Gap != nil {
			items = append(items, &Gap{*page.Gap})
		}
		for _, m := range page.Messages {
			items = append(items, &Delivery{Message: m})
		}
		if at = page.Last(); !page.More {
			time.Sleep(time.Millisecond) // here falls what is lost
			return items
		}
	}
}
