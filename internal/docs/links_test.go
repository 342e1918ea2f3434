package docs

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// documents returns all Markdown files of the project, relative to the top.
func documents(t *testing.T) (names []string) {
	t.Helper()
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && name != top) {
			return filepath.SkipDir
		}
		if strings.HasSuffix(name, ".md") {
			rel, err := filepath.Rel(top, name)
			names = append(names, filepath.ToSlash(rel))
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(names) < 4 {
		t.Fatalf("documents: %q", names)
	}
	return names
}

var link = regexp.MustCompile(`\]\(([^()\s]+)\)|href="([^"]+)"|src="([^"]+)"`)

// TestLinks follows every link that stays within the repository, to the heading if it names
// one. Links to other hosts are not followed: tests need no network.
func TestLinks(t *testing.T) {
	anchors := make(map[string]map[string]bool)
	for _, name := range documents(t) {
		anchors[name] = read(t, name).anchors()
	}
	for name := range anchors {
		for _, m := range link.FindAllStringSubmatch(read(t, name).prose(), -1) {
			target := m[1] + m[2] + m[3]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				if strings.HasPrefix(target, "http://") && !strings.Contains(target, "localhost") && !strings.Contains(target, "127.0.0.1") {
					t.Errorf("%s: %s has no TLS", name, target)
				}
				continue
			}
			file, anchor, _ := strings.Cut(target, "#")
			if file == "" {
				file = name
			} else {
				file = path.Join(path.Dir(name), file)
			}
			if _, err := os.Stat(filepath.Join(top, file)); err != nil {
				t.Errorf("%s: %s leads nowhere", name, target)
			} else if anchor != "" && !anchors[file][anchor] {
				t.Errorf("%s: %s leads to no heading", name, target)
			}
		}
	}
}

// languages that blocks of code may be tagged with, so that they are coloured, or not, on
// purpose.
var languages = map[string]bool{
	"abnf": true, "sh": true, "go": true, "js": true, "jsx": true, "html": true, "python": true, "php": true, "json": true,
	"yaml": true, "http": true, "text": true, "nginx": true, "ini": true, "mermaid": true, "dockerfile": true, "promql": true,
}

func TestFencesAreTagged(t *testing.T) {
	for _, name := range documents(t) {
		if name == "docs/ARCHITECTURE.md" {
			continue // its blocks are drawings
		}
		for _, f := range read(t, name).fences() {
			if !languages[f.tag] {
				t.Errorf("%s:%d: the block of code has the tag %q", name, f.line, f.tag)
			}
		}
	}
}
