package pubsubtest

import (
	"errors"
	"strconv"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

func (s suite) batch(t *testing.T) {
	t.Run("outcomes stand in the order of publications", func(t *testing.T) {
		f := s.start(t, Config{})
		var ps []pubsub.Publication
		for i := range 300 {
			ps = append(ps, NewPublication(f.channel+pubsub.Channel("."+strconv.Itoa(i%3)), strconv.Itoa(i)))
		}
		outcomes := f.PublishBatch(f.ctx, ps)
		same(t, "outcomes", len(ps), len(outcomes))
		for i, o := range outcomes {
			if o.Err != nil {
				t.Fatalf("publication %d: %v", i, o.Err)
			}
			if m := o.Receipt.Message; m.ID != ps[i].ID || m.Channel != ps[i].Channel || m.Pos.Offset != uint64(i/3+1) {
				t.Fatalf("publication %d stands at %s of %s, want offset %d of %s", i, m.Pos, m.Channel, i/3+1, ps[i].Channel)
			}
		}
	})

	t.Run("an empty batch", func(t *testing.T) {
		f := s.start(t, Config{})
		same(t, "outcomes", 0, len(f.PublishBatch(f.ctx, nil)))
	})

	t.Run("a key that is refused stops nothing", func(t *testing.T) {
		f := s.start(t, Config{})
		ps := make([]pubsub.Publication, 4)
		for i := range ps {
			ps[i] = NewPublication(f.channel, "same")
			ps[i].Key = "k"
		}
		ps[2].Event = "other content"
		ps[3].Key = ""
		outcomes := f.PublishBatch(f.ctx, ps)
		if err := outcomes[2].Err; !errors.Is(err, pubsub.ErrKeyReused) {
			t.Errorf("other content: %v, want %v", err, pubsub.ErrKeyReused)
		}
		for i, want := range map[int]pubsub.Receipt{
			0: {Message: &pubsub.Message{ID: ps[0].ID}},
			1: {Message: &pubsub.Message{ID: ps[0].ID}, Duplicate: true},
			3: {Message: &pubsub.Message{ID: ps[3].ID}},
		} {
			o := outcomes[i]
			if o.Err != nil {
				t.Fatalf("publication %d: %v", i, o.Err)
			}
			if o.Receipt.Message.ID != want.Message.ID || o.Receipt.Duplicate != want.Duplicate {
				t.Errorf("publication %d got %+v, want %+v", i, o.Receipt, want)
			}
		}
		same(t, "messages stored", 2, len(f.read(pubsub.Position{}, all).Messages))
	})
}
