package transport

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/pubsub"
)

// What a run has is what each client would be written by itself.
func TestRun(t *testing.T) {
	one, two := delivery(pubsub.JSON, `1`), delivery(pubsub.Binary, "2")
	two.Message.Time = one.Message.Time.Add(time.Second)
	items := []bridge.Item{one, two}
	for _, deflated := range []bool{false, true} {
		var scratch []byte
		var r run
		if r.is(items, deflated) || !r.take(items, deflated) || !r.is(slices.Clone(items), deflated) {
			t.Error("the run does not hold what it was given")
		}
		if want := slices.Concat(frameOf(one, deflated, &scratch), frameOf(two, deflated, &scratch)); !bytes.Equal(r.bytes, want) {
			t.Errorf("its bytes are %q, want %q", r.bytes, want)
		}
		for name, others := range map[string][]bridge.Item{
			"fewer": items[:1], "more": append(slices.Clone(items), one), "none": nil,
			"in another order": {two, one}, "an equal one": {one, delivery(pubsub.Binary, "2")}, "a reply": {one, bridge.Reply("2")},
		} {
			if r.is(others, deflated) {
				t.Errorf("%s are taken for the same", name)
			}
		}
		if r.is(items, !deflated) {
			t.Error("bytes of another form are taken for the same")
		}
		for _, since := range []time.Time{one.Message.Time, two.Message.Time, two.Message.Time.Add(1)} {
			var got, want tally
			r.count(&got, since)
			want.add(one.Message, since)
			want.add(two.Message, since)
			if got != want {
				t.Errorf("counted as %v, want %v", got, want)
			}
		}
	}
	var r run
	for name, others := range map[string][]bridge.Item{
		"a reply": {one, bridge.Reply("2")}, "a gap": {&bridge.Gap{}, one},
		"much": {one, delivery(pubsub.Binary, string(make([]byte, gatherBytes)))},
	} {
		if r.take(others, false) || r.is(others, false) || len(r.bytes) > 0 {
			t.Errorf("%s became a run", name)
		}
	}
}
