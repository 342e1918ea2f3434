package docs

import (
	"strings"
	"testing"
)

// figures returns the rows of the first table behind a heading, by their first cell: each is the
// cells by the heads of their columns.
func (d *document) figures(heading string) map[string]map[string]string {
	d.t.Helper()
	_, text, ok := strings.Cut(d.text, "\n"+heading+"\n")
	if !ok {
		d.t.Fatalf("%s has no heading %s", d.name, heading)
	}
	var heads []string
	rows := make(map[string]map[string]string)
	for line := range strings.SplitSeq(text, "\n") {
		switch {
		case !strings.HasPrefix(line, "|") && heads != nil, strings.HasPrefix(line, "#"):
			return rows
		case !strings.HasPrefix(line, "|"):
			continue
		}
		cells := strings.Split(strings.Trim(line, "| "), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if heads == nil {
			heads = cells
			continue
		}
		if len(cells) != len(heads) {
			d.t.Fatalf("%s: %q has %d cells, want %d", d.name, line, len(cells), len(heads))
		}
		row := make(map[string]string)
		for i, cell := range cells[1:] {
			row[heads[i+1]] = cell
		}
		rows[cells[0]] = row
	}
	return rows
}

// TestFiguresOfTheReadme holds that what README.md says of speed is what was measured.
func TestFiguresOfTheReadme(t *testing.T) {
	measured := read(t, "bench/README.md").figures("## Beside others")
	shown := read(t, "README.md").figures("## How fast it is")
	n := 0
	for name, row := range shown {
		if strings.HasPrefix(name, "---") {
			continue
		}
		n++
		for head, cell := range row {
			if was, ok := measured[name][head]; !ok || was != cell {
				t.Errorf("README.md: %s, %s: %q, measured was %q", name, head, cell, was)
			}
		}
	}
	if n < 5 {
		t.Errorf("README.md shows %d figures", n)
	}
}
