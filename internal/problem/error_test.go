package problem

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestFromError(t *testing.T) {
	_, badChannel := pubsub.ParseChannel("a b")
	_, badPosition := pubsub.ParsePosition("x")
	_, badCursor := pubsub.ParseCursor("a b@0", 10)
	_, badCommand := wire.ParseCommand([]byte(`{"type":"dance"}`))
	badJSON := wire.CheckJSON([]byte(`{`), 1)
	hidden := func(err error) error { return fmt.Errorf("dial 10.1.2.3: %w", err) }
	meaning := func(c Code) string { return defined[c].Meaning }

	for _, tt := range []struct {
		err    error
		code   Code
		detail string
	}{
		{badChannel, BadChannel, badChannel.Error()},
		{badPosition, BadPosition, badPosition.Error()},
		{badCursor, BadCursor, badCursor.Error()},
		{(&pubsub.Publication{}).Check(), BadMessage, "bad message: it has neither event nor data"},
		{badCommand, UnknownCommand, badCommand.Detail},
		{badJSON, BadJSON, badJSON.Error()},
		{&http.MaxBytesError{Limit: 9}, TooLarge, "the body of the request has more than 9 bytes"},
		{hidden(pubsub.ErrUnavailable), Unavailable, meaning(Unavailable)},
		{hidden(pubsub.ErrOutcomeUnknown), OutcomeUnknown, meaning(OutcomeUnknown)},
		{hidden(pubsub.ErrNotReplicated), NotReplicated, meaning(NotReplicated)},
		{hidden(pubsub.ErrNotTried), NotTried, meaning(NotTried)},
		{hidden(pubsub.ErrKeyReused), KeyReused, meaning(KeyReused)},
		{hidden(pubsub.ErrClosed), Draining, meaning(Draining)},
		{hidden(context.DeadlineExceeded), OutcomeUnknown, meaning(OutcomeUnknown)},
		{hidden(context.Canceled), OutcomeUnknown, meaning(OutcomeUnknown)},
		{errors.New("password is hunter2"), Internal, meaning(Internal)},
		{fmt.Errorf("publish: %w", New(Forbidden, "no").In("a")), Forbidden, "no"},
	} {
		p := FromError(tt.err)
		if p.Code != tt.code || p.Detail != tt.detail || p.Status != tt.code.Status() {
			t.Errorf("%v:\n got %d %s %q\nwant %d %s %q", tt.err, p.Status, p.Code, p.Detail, tt.code.Status(), tt.code, tt.detail)
		}
	}
}
