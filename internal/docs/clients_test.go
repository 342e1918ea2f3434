package docs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestExamplesOfClients looks for every example in Go where a test runs it.
func TestExamplesOfClients(t *testing.T) {
	run, err := os.ReadFile(filepath.Join(top, "client/example_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	doc, found := read(t, "docs/clients.md"), 0
	for _, f := range doc.fences() {
		if f.tag != "go" {
			continue
		}
		found++
		var indented strings.Builder
		for line := range strings.Lines(f.code) {
			if line != "\n" {
				line = "\t" + line
			}
			indented.WriteString(line)
		}
		if !strings.Contains(string(run), indented.String()) {
			t.Errorf("%s:%d: client/example_test.go does not run this", doc.name, f.line)
		}
	}
	if found < 5 {
		t.Errorf("%d examples were found", found)
	}
}
