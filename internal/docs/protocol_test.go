package docs

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"net/http"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

const protocol = "docs/protocol.md"

func TestProblemCodes(t *testing.T) {
	d := read(t, protocol)
	var documented []string
	rows := make(map[string][]string)
	for _, row := range d.table("## Errors") {
		code := plain(row[0])
		documented = append(documented, code)
		rows[code] = row
		if !strings.Contains(row[0], `<a id="`+code+`"></a>`) {
			t.Errorf("%s has no anchor, and the type of its problems leads there", code)
		}
	}
	var codes []string
	for _, definition := range problem.Definitions() {
		codes = append(codes, string(definition.Code))
		if row := rows[string(definition.Code)]; row != nil && (row[1] != strconv.Itoa(definition.Status) || plain(row[2]) != definition.Meaning) {
			t.Errorf("%s is documented as %q, and means %d, %s", definition.Code, row[1:], definition.Status, definition.Meaning)
		}
	}
	both(t, "code", codes, documented)
}

func TestProblemTypesLeadToTheTable(t *testing.T) {
	text, err := json.Marshal(problem.New(problem.TooLarge, ""))
	if err != nil {
		t.Fatal(err)
	}
	var p struct{ Type string }
	if err := json.Unmarshal(text, &p); err != nil {
		t.Fatal(err)
	}
	_, anchor, _ := strings.Cut(p.Type, "/"+protocol+"#")
	if !read(t, protocol).anchors()[anchor] {
		t.Errorf("%s leads nowhere", p.Type)
	}
}

func TestCloseCodes(t *testing.T) {
	next := map[wire.Next]string{wire.Stop: "stop", wire.Backoff: "back off", wire.Again: "again"}
	var codes, documented []string
	for _, code := range wire.CloseCodes() {
		codes = append(codes, fmt.Sprintf("%d %s %s", code, code, next[code.Next()]))
	}
	for _, row := range read(t, protocol).table("## Close codes") {
		documented = append(documented, strings.Join([]string{row[0], plain(row[1]), row[2]}, " "))
	}
	both(t, "close code", codes, documented)
}

func TestGapReasons(t *testing.T) {
	var reasons, documented []string
	for _, r := range []pubsub.Reason{pubsub.Trimmed, pubsub.Overflow, pubsub.Rollback, pubsub.Replaced, pubsub.Purged} {
		reasons = append(reasons, string(r))
	}
	for _, row := range read(t, protocol).table("## Resuming") {
		if reason := plain(row[2]); reason != "–" {
			documented = append(documented, reason)
		}
	}
	both(t, "reason", reasons, documented)
}

func TestCommandsAndEvents(t *testing.T) {
	d := read(t, protocol)
	for _, table := range []struct{ what, heading, file, prefix string }{
		{"command", "### Commands", "command.go", ""},
		{"event", "### Events", "event.go", "Event"},
	} {
		var documented []string
		for _, row := range d.table(table.heading) {
			documented = append(documented, strings.Split(plain(row[0]), ", ")...)
		}
		both(t, table.what, constants(t, "transport/wire/"+table.file, table.prefix), documented)
	}
}

// constants returns the strings of the first block of constants in a file, whose names
// begin with prefix.
func constants(t *testing.T, file, prefix string) (values []string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(top, file), nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, decl := range parsed.Decls {
		block, ok := decl.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		for _, spec := range block.Specs {
			spec := spec.(*ast.ValueSpec)
			text, ok := spec.Values[0].(*ast.BasicLit)
			if !ok || text.Kind != token.STRING || !strings.HasPrefix(spec.Names[0].Name, prefix) {
				t.Fatalf("%s: the first block of constants has %s", file, spec.Names[0])
			}
			value, err := strconv.Unquote(text.Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, value)
		}
		return values
	}
	t.Fatalf("%s has no constants", file)
	return nil
}

func TestMembersOfAMessage(t *testing.T) {
	m := pubsub.Message{
		Channel: "a", Pos: pubsub.Position{Epoch: "e", Offset: 1}, Event: "e",
		From: &pubsub.Sender{Client: "c"}, Meta: map[string]string{"n": "v"}, Stream: &pubsub.Stream{Size: -1}, Time: time.Unix(0, 0),
	}
	members := make(map[string]any)
	for _, kind := range []pubsub.Kind{pubsub.JSON, pubsub.Binary} {
		m.Data = pubsub.Data{Kind: kind, Bytes: []byte("1")}
		if err := json.Unmarshal(wire.AppendMessage(nil, &m), &members); err != nil {
			t.Fatal(err)
		}
	}
	var names, documented []string
	for name := range members {
		names = append(names, name)
	}
	for _, row := range read(t, protocol).table("### Message") {
		documented = append(documented, plain(row[0]))
	}
	both(t, "member", names, documented)
}

func TestClaims(t *testing.T) {
	var documented []string
	for _, row := range read(t, protocol).table("### Tokens of clients") {
		documented = append(documented, plain(row[0]))
	}
	claims := []string{"exp", "nbf"} // which are read without being kept
	for i := range reflect.TypeFor[auth.Claims]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[auth.Claims]().Field(i).Tag.Get("json"), ",")
		claims = append(claims, name)
	}
	both(t, "claim", claims, documented)
}

func TestRoutes(t *testing.T) {
	var routes, documented []string
	err := chi.Walk(serve(t).routes, func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		// OPTIONS answers preflights wherever clients are, HEAD probes.
		if method != http.MethodOptions && method != http.MethodHead {
			routes = append(routes, method+" "+route)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range read(t, protocol).table("### Routes") {
		documented = append(documented, plain(row[0]))
	}
	both(t, "route", routes, documented)
}

func TestNumbers(t *testing.T) {
	d := read(t, protocol)
	comma := func(n int) string {
		if n >= 1000 {
			return fmt.Sprintf("%d,%03d", n/1000, n%1000)
		}
		return strconv.Itoa(n)
	}
	rows := make(map[string]string)
	for _, row := range append(d.table("## Limits"), d.table("## Times")...) {
		rows[plain(row[0])] = row[1]
	}
	for row, texts := range map[string][]string{
		"a channel's name":             {comma(pubsub.MaxChannel) + " bytes"},
		"event":                        {comma(pubsub.MaxEvent) + " bytes"},
		"meta":                         {comma(pubsub.MaxMetaEntries) + " entries", comma(pubsub.MaxMetaBytes) + " bytes"},
		"an idempotency key":           {comma(pubsub.MaxKey) + " characters"},
		"nesting of JSON":              {comma(wire.MaxDepth)},
		"channels of a connect":        {comma(wire.MaxChannels)},
		"messages of an answer":        {comma(wire.MaxLimit)},
		"ref":                          {comma(wire.MaxRef) + " characters"},
		"a token":                      {comma(auth.MaxToken>>10) + " KiB"},
		"a poll is held":               {seconds(wire.DefaultWait), seconds(wire.MaxWait)},
		"leeway of tokens":             {seconds(auth.Leeway)},
		"idempotency keys are known":   {comma(int(pubsub.IdempotencyWindow.Minutes())) + " min"},
		"the payload of a message":     {"256 KiB"},
		"subscriptions of a WebSocket": {"1,000"},
	} {
		for _, text := range texts {
			if !strings.Contains(rows[row], text) {
				t.Errorf("%s is documented as %q, not %s", row, rows[row], text)
			}
		}
	}
	r := pubsub.DefaultRetention
	if want := fmt.Sprintf("%s messages, %d minutes or %d MiB", comma(r.Count), int(r.Age.Minutes()), r.Bytes>>20); !strings.Contains(d.section("## Words"), want) {
		t.Errorf("retention is %s, and not documented so", want)
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }

func TestJSONIsJSON(t *testing.T) {
	for _, name := range documents(t) {
		d := read(t, name)
		for _, f := range d.fences() {
			if f.tag != "json" {
				continue
			}
			dec := json.NewDecoder(strings.NewReader(f.code))
			for {
				var v any
				if err := dec.Decode(&v); err == io.EOF {
					break
				} else if err != nil {
					t.Errorf("%s:%d: %v", name, f.line, err)
					break
				}
			}
		}
	}
}
