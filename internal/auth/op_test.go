package auth

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestOpJSON(t *testing.T) {
	for _, test := range []struct {
		in   string
		want Op
		err  string
	}{
		{in: `[]`, want: 0},
		{in: `["subscribe"]`, want: Subscribe},
		{in: `["presence","history","publish","subscribe"]`, want: AllOps},
		{in: `["history","history"]`, want: History},
		{in: `["Subscribe"]`, err: `"Subscribe" is no operation, allowed are subscribe, publish, history, presence`},
		{in: `["*"]`, err: `"*" is no operation, allowed are subscribe, publish, history, presence`},
		{in: `"subscribe"`, err: "operations are a list out of subscribe, publish, history, presence"},
		{in: `[1]`, err: "operations are a list out of subscribe, publish, history, presence"},
	} {
		var got Op
		err := json.Unmarshal([]byte(test.in), &got)
		if test.err != "" {
			if err == nil || err.Error() != test.err {
				t.Errorf("%s: error %v, want %s", test.in, err, test.err)
			}
			continue
		}
		if err != nil || got != test.want {
			t.Errorf("%s: %v, %v; want %v", test.in, got, err, test.want)
		}
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		var back Op
		if err := json.Unmarshal(again, &back); err != nil || back != got {
			t.Errorf("%s: read back as %v, %v", again, back, err)
		}
	}
}

func TestOpErrorIsShort(t *testing.T) {
	if _, err := ParseOp(strings.Repeat("x", 5000)); err == nil || len(err.Error()) > 200 {
		t.Errorf("error %.300v", err)
	}
}

func TestOpString(t *testing.T) {
	if got, want := (Subscribe | History).String(), "subscribe,history"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
