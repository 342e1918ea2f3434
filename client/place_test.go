package client

import (
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func at(epoch pubsub.Epoch, offset uint64) pubsub.Position {
	return pubsub.Position{Epoch: epoch, Offset: offset}
}

func TestPlaceTakesTheNextMessageOnly(t *testing.T) {
	for _, tt := range []struct {
		what     string
		from, to pubsub.Position
		fresh    bool
		broken   bool
	}{
		{"the next", at("e", 7), at("e", 8), true, false},
		{"the same", at("e", 7), at("e", 7), false, false},
		{"an older one", at("e", 7), at("e", 1), false, false},
		{"one behind a hole", at("e", 7), at("e", 9), false, true},
		{"one of another epoch", at("e", 7), at("f", 8), false, true},
		{"the first, where nothing is known", pubsub.Position{}, at("e", 900), true, false},
	} {
		p := place{pubsub.Behind(tt.from)}
		fresh, err := p.message(&Message{Channel: "a", Pos: tt.to})
		if fresh != tt.fresh || (err != nil) != tt.broken {
			t.Errorf("%s: fresh %v, %v", tt.what, fresh, err)
		}
	}
}

func TestPlaceTellsWhatIsMissing(t *testing.T) {
	for _, tt := range []struct {
		what     string
		stands   pubsub.Position
		gap      Gap
		told     bool
		from, to pubsub.Position
	}{
		{"a gap from here", at("e", 7), Gap{Reason: pubsub.Trimmed, From: at("e", 7), To: at("e", 9)}, true, at("e", 7), at("e", 9)},
		{"what another line brought", at("e", 7), Gap{Reason: pubsub.Trimmed, From: at("e", 2), To: at("e", 7)}, false, at("e", 0), at("e", 0)},
		{"what another line brought in part", at("e", 7), Gap{Reason: pubsub.Trimmed, From: at("e", 2), To: at("e", 9)}, true, at("e", 7), at("e", 9)},
		{"a log that went back", at("e", 7), Gap{Reason: pubsub.Rollback, From: at("e", 7), To: at("e", 3)}, true, at("e", 7), at("e", 3)},
		{"a log that went back, told of an older place", at("e", 7), Gap{Reason: pubsub.Rollback, From: at("e", 5), To: at("e", 3)}, true, at("e", 7), at("e", 3)},
		{"another log", at("e", 7), Gap{Reason: pubsub.Replaced, From: at("e", 2), To: at("f", 0)}, true, at("e", 7), at("f", 0)},
	} {
		p := place{pubsub.Behind(tt.stands)}
		told, ok := p.gap(&tt.gap)
		if ok != tt.told || ok && (told.From != tt.from || told.To != tt.to) {
			t.Errorf("%s: %+v, %v", tt.what, told, ok)
		}
	}
}

func TestPlaceBeginsOnce(t *testing.T) {
	var p place
	p.begin(at("e", 4))
	p.begin(at("e", 2)) // a line that was opened earlier
	if p.start.Pos != at("e", 4) {
		t.Errorf("stands at %v", p.start.Pos)
	}
}
