package docs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

const top = "../.."

// A document is one Markdown file.
type document struct {
	t    *testing.T
	name string // relative to the top
	text string
}

func read(t *testing.T, name string) *document {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return &document{t, name, string(text)}
}

// A fence is a block of code.
type fence struct {
	line int    // of its first line of code, from 1
	tag  string // what stands behind the opening backticks
	mark string // the line in front of it
	code string
}

// fences returns the blocks of code of the document.
func (d *document) fences() (all []fence) {
	d.t.Helper()
	var open *fence
	before := ""
	for i, line := range strings.Split(d.text, "\n") {
		switch mark := strings.TrimSpace(line); {
		case open == nil && strings.HasPrefix(mark, "```"):
			open = &fence{line: i + 2, tag: strings.TrimPrefix(mark, "```"), mark: before}
		case open != nil && mark == "```":
			all = append(all, *open)
			open = nil
		case open != nil:
			open.code += line + "\n"
		}
		before = line
	}
	if open != nil {
		d.t.Errorf("%s:%d: the block of code has no end", d.name, open.line-1)
	}
	return all
}

// prose returns the text without its blocks of code.
func (d *document) prose() string {
	var b strings.Builder
	in := false
	for line := range strings.Lines(d.text) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			in = !in
			line = "\n"
		}
		if in {
			line = "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// section returns the text below a heading, up to the next one of the same or a higher level.
func (d *document) section(heading string) string {
	d.t.Helper()
	start := strings.Index("\n"+d.text, "\n"+heading+"\n")
	if start < 0 {
		d.t.Fatalf("%s has no %q", d.name, heading)
	}
	rest := d.text[start+len(heading):]
	level := strings.Count(strings.Fields(heading)[0], "#")
	end := regexp.MustCompile(`(?m)^#{1,` + string(rune('0'+level)) + `} `)
	if at := end.FindStringIndex(rest); at != nil {
		rest = rest[:at[0]]
	}
	return rest
}

// table returns the rows of the first table below a heading, without its head: cells
// trimmed, escaped bars restored.
func (d *document) table(heading string) (rows [][]string) {
	d.t.Helper()
	for line := range strings.Lines(d.section(heading)) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "|") {
			if rows != nil {
				break
			}
			continue
		}
		const bar = "\x00"
		cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, bar), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(strings.ReplaceAll(cells[i], bar, "|"))
		}
		rows = append(rows, cells)
	}
	if len(rows) < 3 {
		d.t.Fatalf("%s has no table below %q", d.name, heading)
	}
	return rows[2:]
}

// plain returns a cell without the marks of code and the anchor in it.
func plain(cell string) string {
	cell = regexp.MustCompile(`<a id="[^"]*"></a>`).ReplaceAllString(cell, "")
	return strings.ReplaceAll(cell, "`", "")
}

// anchors returns what a link to the document may have behind its #: slugs of headings, as
// GitHub makes them, and explicit ids.
func (d *document) anchors() map[string]bool {
	anchors := make(map[string]bool)
	prose := d.prose()
	for _, m := range regexp.MustCompile(`<a id="([^"]+)">`).FindAllStringSubmatch(prose, -1) {
		if anchors[m[1]] {
			d.t.Errorf("%s has the anchor %s twice", d.name, m[1])
		}
		anchors[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(prose, -1) {
		slug := strings.ToLower(regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(m[1], ""))
		anchors[strings.ReplaceAll(slug, " ", "-")] = true
	}
	return anchors
}

// both compares names both ways.
func both(t *testing.T, what string, code, documented []string) {
	t.Helper()
	seen := make(map[string]bool)
	for _, name := range documented {
		if seen[name] {
			t.Errorf("%s %q is documented twice", what, name)
		}
		seen[name] = true
	}
	for _, name := range code {
		if !seen[name] {
			t.Errorf("%s %q is not documented", what, name)
		}
		delete(seen, name)
	}
	for name := range seen {
		t.Errorf("%s %q is documented and does not exist", what, name)
	}
}
