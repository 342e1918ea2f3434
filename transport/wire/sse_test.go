package wire

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestSSE(t *testing.T) {
	for _, tt := range []struct {
		got  []byte
		want string
	}{
		{AppendIDSSE(nil, pubsub.Cursor{{Channel: "a", Start: pubsub.Behind(testPos)}, {Channel: "b"}}), "id: a@" + posText + ",b\n"},
		{AppendWelcomeSSE(nil, "c7", "ann", 25*time.Second),
			"event: welcome\ndata: {\"client\":\"c7\",\"user\":\"ann\",\"heartbeat\":25}\n\n"},
		{AppendGapSSE(nil, testGap()), "event: gap\ndata: {" + testGapMembers + "}\n\n"},
		{AppendCloseSSE(nil, CloseRestart, 1500*time.Millisecond),
			"retry: 1500\nevent: close\ndata: {\"code\":1012,\"reason\":\"restart\",\"retry\":1500}\n\n"},
		{AppendCloseSSE(nil, CloseForbidden, 0),
			"event: close\ndata: {\"code\":4003,\"reason\":\"forbidden\",\"retry\":0}\n\n"},
	} {
		if diff := cmp.Diff(tt.want, string(tt.got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestParseSSE(t *testing.T) {
	got, err := ParseSSE(EventGap, AppendGap(nil, testGap()))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Event{Type: EventGap, Gap: testGap()}, got); diff != "" {
		t.Errorf("gap (-want +got):\n%s", diff)
	}
	got, err = ParseSSE(EventClose, []byte(`{"code":4208,"reason":"too_slow","retry":7}`))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Event{Type: EventClose, CloseCode: CloseTooSlow, Retry: 7 * time.Millisecond}, got); diff != "" {
		t.Errorf("close (-want +got):\n%s", diff)
	}
}
