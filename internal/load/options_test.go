package load

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestOptionsDefaults(t *testing.T) {
	var o Options
	if err := o.complete(Fanout); err != nil {
		t.Fatal(err)
	}
	if o.URL != DefaultURL || o.Clients != 1000 || o.Channels != 1 || o.Rate != 20 || o.Size != 128 || o.Duration != 10*time.Second {
		t.Errorf("the defaults of fanout are %+v", o)
	}
	o = Options{Clients: 30, Window: 40}
	if err := o.complete(LongPoll); err != nil {
		t.Fatal(err)
	}
	if o.Channels != 30 || o.Rate != 0 || o.Publishers != 40 {
		t.Errorf("with a window, those of long-poll are %+v", o)
	}
}

func TestOptionsAreBounded(t *testing.T) {
	for _, tt := range []struct {
		o    Options
		says string
	}{
		{Options{Clients: -1}, "clients: -1 is not between 1 and 25000"},
		{Options{Clients: MaxClients + 1}, "clients: 25001"},
		{Options{Clients: 3, Channels: 4}, "channels: 4 is not between 1 and 3"},
		{Options{Rate: math.NaN()}, "publications a second: NaN"},
		{Options{Rate: -1}, "publications a second: -1"},
		{Options{Rate: 1, Window: 1}, "exclude each other"},
		{Options{Window: MaxWindow + 1}, "publications under way: 1001"},
		{Options{Size: MinSize - 1}, "bytes of a message: "},
		{Options{Duration: 2 * time.Hour}, "time of publishing: 2h0m0s is not between 0s and 1h0m0s"},
		{Options{Connecting: 5000}, "opened at once: 5000"},
		{Options{Namespace: "a b"}, `namespace "a b": `},
		{Options{Patience: -time.Second}, "patience: -1s"},
	} {
		if err := tt.o.complete(Fanout); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v, expected %q", tt.o, err, tt.says)
		}
	}
}
