package raw

import (
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestProgressBeginsWhereAsked(t *testing.T) {
	at := newLog("a", "aaaa")
	at.next()
	cursor := pubsub.Cursor{}.Set("a", at.pos).Set("b", pubsub.Position{})
	for _, tt := range []struct {
		o    Options
		want string
	}{
		{Options{Cursor: cursor}, cursor.String()},
		{Options{Channels: []pubsub.Channel{"c", "a"}, Cursor: cursor}, "c,a@" + at.pos.String()},
		{Options{}, ""},
	} {
		if got := newProgress(&tt.o, true).position().String(); got != tt.want {
			t.Errorf("begins at %q, not %q", got, tt.want)
		}
	}
}

func TestForgivingProgress(t *testing.T) {
	p := newProgress(&Options{Channels: []pubsub.Channel{"a"}}, false)
	l := newLog("a", "aaaa")
	take := func(e Event) (bool, error) { return p.advance(&e) }
	message := func(m pubsub.Message) Event { return Event{Type: Message, Message: &m} }

	one, two := l.next(), l.next()
	behind := l.pos
	three, four := l.next(), l.next()
	for _, tt := range []struct {
		what  string
		e     Event
		fresh bool
	}{
		{"the first message", message(one), true},
		{"the next", message(two), true},
		{"the next again", message(two), false},
		{"the first again", message(one), false},
		{"the third", message(three), true},
		{"a gap that goes back", Event{Type: Gap, Gap: &pubsub.Gap{Channel: "a", Reason: pubsub.Rollback, From: three.Pos, To: behind}}, true},
		{"the third, which follows the gap", message(three), true},
		{"the fourth", message(four), true},
		{"a cursor that stands elsewhere", Event{Type: Heartbeat, Cursor: pubsub.Cursor{}.Set("a", four.Pos)}, true},
	} {
		fresh, err := take(tt.e)
		if err != nil || fresh != tt.fresh {
			t.Errorf("%s: fresh %v, %v", tt.what, fresh, err)
		}
	}
	for range 2 {
		l.next()
	}
	if _, err := take(message(l.next())); err == nil {
		t.Error("a hole was taken for messages that were given")
	}
	if _, err := take(message(newLog("a", "bbbb").next())); err == nil {
		t.Error("another epoch was taken without a gap")
	}
	if fresh, err := take(Event{Type: Unsubscribed, Channel: "a"}); !fresh || err != nil || len(p.position()) != 0 {
		t.Errorf("unsubscribed: %v, %v, %v", fresh, err, p.position())
	}
}

func TestHistoryMovesNoSubscription(t *testing.T) {
	p := newProgress(&Options{Channels: []pubsub.Channel{"a"}}, true)
	l := newLog("a", "aaaa")
	one := l.next()
	if _, err := p.advance(&Event{Type: Message, Message: &one}); err != nil {
		t.Fatal(err)
	}
	at := p.position().String()
	l.next()
	cursor := pubsub.Cursor{}.Set("a", l.pos).Set("b", l.pos)
	if fresh, err := p.advance(&Event{Type: wire.EventOK, Ref: "2", Cursor: cursor}); !fresh || err != nil {
		t.Errorf("fresh %v, %v", fresh, err)
	}
	if got := p.position().String(); got != at {
		t.Errorf("stands at %s, not %s", got, at)
	}
}
