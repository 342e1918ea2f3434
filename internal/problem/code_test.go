package problem

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/transport/wire"
)

func TestDefinitions(t *testing.T) {
	table := Definitions()
	if len(table) != len(defined) {
		t.Errorf("%d rows name %d codes: one stands in the table twice", len(table), len(defined))
	}
	if !slices.IsSortedFunc(table, func(a, b Definition) int { return a.Status - b.Status }) {
		t.Error("the table is not ordered by status")
	}
	name := regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`)
	titles := make(map[string]Code)
	for _, d := range table {
		if !name.MatchString(string(d.Code)) {
			t.Errorf("%q is no name of a code", d.Code)
		}
		if http.StatusText(d.Status) == "" || d.Status < 400 || d.Code.Status() != d.Status {
			t.Errorf("%s: status %d", d.Code, d.Status)
		}
		if d.Title == "" || !strings.HasSuffix(d.Meaning, ".") {
			t.Errorf("%s: title %q, meaning %q", d.Code, d.Title, d.Meaning)
		}
		if other, twice := titles[d.Title]; twice {
			t.Errorf("%s and %s have one title", d.Code, other)
		}
		titles[d.Title] = d.Code
		// 429 and 503 are the two that pass by themselves.
		if passes := d.Status == 429 || d.Status == 503; passes != (d.RetryAfter > 0) {
			t.Errorf("%s: status %d, retry after %v", d.Code, d.Status, d.RetryAfter)
		}
	}
	if got := Code("no_such_code").Status(); got != 500 {
		t.Errorf("status of an unknown code: %d", got)
	}
}

func TestCodesOfCommandsAreDefined(t *testing.T) {
	for _, code := range []Code{
		wire.CodeBadJSON, wire.CodeBadRequest, wire.CodeBadChannel, wire.CodeBadPosition,
		wire.CodeBadCursor, wire.CodeBadMessage, wire.CodeTooManyChannels, wire.CodeUnknownCommand,
	} {
		if got := defined[code].Status; got != http.StatusBadRequest {
			t.Errorf("%s: status %d", code, got)
		}
	}
}
