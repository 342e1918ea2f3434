package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/internal/seen"
)

// A document is what tests look at in openapi.json.
type document struct {
	Everywhere map[int][]string `json:"x-codes-everywhere"`
	Paths      map[string]map[string]json.RawMessage
	operations map[string]operation // by method and path
}

type operation struct {
	ID        string `json:"operationId"`
	Responses map[int]struct {
		Description string
		Content     map[string]json.RawMessage
		Codes       []string `json:"x-codes"`
	}
}

func parseDocument(t testing.TB) document {
	t.Helper()
	d, err := readDocument()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func readDocument() (document, error) {
	d := document{operations: make(map[string]operation)}
	if err := json.Unmarshal(openAPIDocument, &d); err != nil {
		return d, err
	}
	for path, item := range d.Paths {
		for method, raw := range item {
			if method == "parameters" {
				continue
			}
			var op operation
			if err := json.Unmarshal(raw, &op); err != nil {
				return d, fmt.Errorf("%s %s: %w", method, path, err)
			}
			d.operations[strings.ToUpper(method)+" "+path] = op
		}
	}
	return d, nil
}

// answers are all that the document says can be answered.
func (d document) answers() map[seen.Answer]bool {
	all := make(map[seen.Answer]bool)
	for name, op := range d.operations {
		method, path, _ := strings.Cut(name, " ")
		for status, response := range op.Responses {
			for _, code := range response.Codes {
				all[seen.Answer{Method: method, Route: path, Status: status, Code: code}] = true
			}
		}
	}
	for status, codes := range d.Everywhere {
		for _, code := range codes {
			all[seen.Answer{Method: "*", Route: "*", Status: status, Code: code}] = true
		}
	}
	return all
}

// differences compares what was seen with the document, both ways.
func (d document) differences(answers map[seen.Answer]bool) (undocumented, unseen []string) {
	documented := d.answers()
	found := make(map[seen.Answer]bool)
	for a := range answers {
		anywhere := seen.Answer{Method: "*", Route: "*", Status: a.Status, Code: a.Code}
		switch {
		case a.Route == "/" || strings.HasPrefix(a.Route, "/page/"):
			// The page is no part of the API.
		case documented[a]:
			found[a] = true
		case documented[anywhere]:
			found[anywhere] = true
		default:
			undocumented = append(undocumented, a.String())
		}
	}
	for a := range documented {
		if !found[a] {
			unseen = append(unseen, a.String())
		}
	}
	slices.Sort(undocumented)
	slices.Sort(unseen)
	return undocumented, unseen
}

func TestOpenAPISaysTheRoutes(t *testing.T) {
	var routes, documented []string
	err := chi.Walk(New(Options{}).(chi.Routes), func(method, route string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		routes = append(routes, method+" "+route)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range parseDocument(t).operations {
		documented = append(documented, name)
	}
	slices.Sort(routes)
	slices.Sort(documented)
	if diff := cmp.Diff(routes, documented); diff != "" {
		t.Errorf("(-routes +document):\n%s", diff)
	}
}

func TestOpenAPICodes(t *testing.T) {
	d := parseDocument(t)
	ids := make(map[string]bool)
	for name, op := range d.operations {
		if op.ID == "" || ids[op.ID] {
			t.Errorf("%s: operationId %q", name, op.ID)
		}
		ids[op.ID] = true
		for status, response := range op.Responses {
			if response.Description == "" || len(response.Codes) == 0 || !slices.IsSorted(response.Codes) {
				t.Errorf("%s %d: description %q, codes %q", name, status, response.Description, response.Codes)
			}
			if _, isProblem := response.Content[problem.ContentType]; isProblem != (status >= 400) {
				t.Errorf("%s %d: problem %t", name, status, isProblem)
			}
		}
	}
	for a := range d.answers() {
		if a.Status < 400 && a.Code != "-" || a.Status >= 400 && problem.Code(a.Code).Status() != a.Status {
			t.Errorf("%v: no such code", a)
		}
	}
}

// TestOpenAPIReferences follows all references, and finds nothing that nobody refers to.
func TestOpenAPIReferences(t *testing.T) {
	var doc any
	if err := json.Unmarshal(openAPIDocument, &doc); err != nil {
		t.Fatal(err)
	}
	used := make(map[string]bool)
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				used[ref] = true
			}
			for _, member := range v {
				walk(member)
			}
		case []any:
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(doc)
	defined := make(map[string]bool)
	for kind, components := range doc.(map[string]any)["components"].(map[string]any) {
		if kind == "securitySchemes" {
			continue
		}
		for name := range components.(map[string]any) {
			defined["#/components/"+kind+"/"+name] = true
		}
	}
	if diff := cmp.Diff(defined, used); diff != "" {
		t.Errorf("(-defined +used):\n%s", diff)
	}
}

func TestOpenAPIIsServed(t *testing.T) {
	s := newSite(t, nil)
	got := s.do(call{method: "GET", path: "/v1/openapi.json", header: []string{"Authorization: "}})
	if got.status != 200 || got.body != string(openAPIDocument) {
		t.Errorf("status %d, %d bytes", got.status, len(got.body))
	}
}

// TestOpenAPISaysWhatWasSeen compares the document with what a whole run of tests saw, when
// SEEN_ANSWERS_CHECK names the file to which it was noted (SEEN_ANSWERS). Otherwise it
// shows that the comparison finds what it should.
func TestOpenAPISaysWhatWasSeen(t *testing.T) {
	d := parseDocument(t)
	if path := os.Getenv("SEEN_ANSWERS_CHECK"); path != "" {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		answers, err := seen.Read(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		undocumented, unseen := d.differences(answers)
		if diff := cmp.Diff([]string(nil), undocumented); diff != "" {
			t.Errorf("seen and not documented:\n%s", diff)
		}
		if diff := cmp.Diff([]string(nil), unseen); diff != "" {
			t.Errorf("documented and not seen:\n%s", diff)
		}
		return
	}

	answers := d.answers()
	delete(answers, seen.Answer{Method: "GET", Route: "/v1/channels", Status: 400, Code: "bad_channel"})
	answers[seen.Answer{Method: "GET", Route: "/v1/channels", Status: 400, Code: "bad_cursor"}] = true
	answers[seen.Answer{Method: "GET", Route: "/v1/channels", Status: 500, Code: "internal"}] = true // as everywhere
	answers[seen.Answer{Method: "GET", Route: "/page/*", Status: 304, Code: "-"}] = true             // of the page
	undocumented, unseen := d.differences(answers)
	if diff := cmp.Diff([]string{"GET /v1/channels 400 bad_cursor"}, undocumented); diff != "" {
		t.Errorf("undocumented (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"GET /v1/channels 400 bad_channel"}, unseen); diff != "" {
		t.Errorf("unseen (-want +got):\n%s", diff)
	}
}
