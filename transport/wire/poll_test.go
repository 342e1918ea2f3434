package wire

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestAnswer(t *testing.T) {
	m, gap := testMessage(), testGap()
	object := AppendMessage(nil, m)
	cursor := pubsub.Cursor{{Channel: "a", Start: pubsub.Behind(gap.To)}, {Channel: "b"}}
	for _, tt := range []struct {
		got  []byte
		want string
		read Answer
	}{
		{EndAnswer(BeginAnswer(nil), nil, cursor, false, 0),
			`{"messages":[],"gaps":[],"cursor":"a@E-4-00000004,b","more":false,"retry":0}`,
			Answer{Cursor: cursor}},
		{EndAnswer(AppendAnswerMessage(AppendAnswerMessage(BeginAnswer(nil), object), object), []pubsub.Gap{*gap}, cursor, true, 1500*time.Millisecond),
			`{"messages":[{` + testMembers + `},{` + testMembers + `}],"gaps":[{` + testGapMembers + `}],"cursor":"a@E-4-00000004,b","more":true,"retry":1500}`,
			Answer{Messages: []*pubsub.Message{m, m}, Gaps: []pubsub.Gap{*gap}, Cursor: cursor, More: true, Retry: 1500 * time.Millisecond}},
		{EndHistory(BeginAnswer(nil), nil, cursor),
			`{"messages":[],"gaps":[],"cursor":"a@E-4-00000004,b"}`,
			Answer{Cursor: cursor}},
	} {
		if diff := cmp.Diff(tt.want, string(tt.got)); diff != "" {
			t.Errorf("written (-want +got):\n%s", diff)
		}
		read, err := ParseAnswer(tt.got)
		if err != nil {
			t.Errorf("%s: %v", tt.got, err)
		} else if diff := cmp.Diff(tt.read, read); diff != "" {
			t.Errorf("%s read (-want +got):\n%s", tt.got, diff)
		}
	}
}
