package api

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/internal/seen"
)

// TestMain notes what the tests of this package see, unless a run of several packages does,
// and holds the document against it when all of them have passed.
func TestMain(m *testing.M) {
	if os.Getenv(seen.File) != "" || os.Getenv("SEEN_ANSWERS_CHECK") != "" {
		os.Exit(m.Run())
	}
	os.Exit(runAndCompare(m))
}

func runAndCompare(m *testing.M) int {
	dir, err := os.MkdirTemp("", "seen")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "seen")
	os.Setenv(seen.File, path)
	if status := m.Run(); status != 0 || !all() {
		return status
	}
	f, err := os.Open(path)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	answers, err := seen.Read(f)
	if err != nil {
		panic(err)
	}
	d, err := readDocument()
	if err != nil {
		panic(err)
	}
	undocumented, unseen := d.differences(answers)
	if len(undocumented)+len(unseen) > 0 {
		fmt.Printf("openapi.json differs from what was answered\nnot documented:\n\t%s\nnot seen:\n\t%s\n",
			strings.Join(undocumented, "\n\t"), strings.Join(unseen, "\n\t"))
		return 1
	}
	return 0
}

// all reports whether all tests were run.
func all() bool {
	for _, name := range []string{"test.run", "test.skip", "test.fuzz", "test.list"} {
		if f := flag.Lookup(name); f != nil && f.Value.String() != "" {
			return false
		}
	}
	return true
}
