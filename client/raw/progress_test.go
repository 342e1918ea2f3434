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
		if got := newProgress(&tt.o).position().String(); got != tt.want {
			t.Errorf("begins at %q, not %q", got, tt.want)
		}
	}
}

func TestHistoryMovesNoSubscription(t *testing.T) {
	p := newProgress(&Options{Channels: []pubsub.Channel{"a"}})
	l := newLog("a", "aaaa")
	one := l.next()
	if err := p.advance(&Event{Type: Message, Message: &one}); err != nil {
		t.Fatal(err)
	}
	at := p.position().String()
	l.next()
	cursor := pubsub.Cursor{}.Set("a", l.pos).Set("b", l.pos)
	if err := p.advance(&Event{Type: wire.EventOK, Ref: "2", Cursor: cursor}); err != nil {
		t.Error(err)
	}
	if got := p.position().String(); got != at {
		t.Errorf("stands at %s, not %s", got, at)
	}
}
