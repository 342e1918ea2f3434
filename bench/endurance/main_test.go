package main

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestBothPartsArePlayed holds that a small server passes and that there is a figure for
// everything. So little says nothing of speed or memory, so no figure is looked at.
func TestBothPartsArePlayed(t *testing.T) {
	t.Chdir("../..")
	var out strings.Builder
	err := run(t.Context(), &out, plan{
		clients: 50, storms: 2, calm: 300 * time.Millisecond, patience: 20 * time.Second,
		receivers: 50, rate: 3000, length: 3 * time.Second, publishers: 16, memory: "512KiB", step: 50 * time.Millisecond,
		growth: 100,
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	size := `\d+\.\d MiB`
	for row, rows := range map[string]int{
		`\| 50 of 50 WebSockets \| \d+\.\d s \| \d+\.\d s \| \d+[^|]* \| [1-9]\d*, 0, \S+ \| 50 of 50 \| ` +
			size + `, ` + size + `, ` + size + ` \| ` + size + `, ` + size + ` \| \d+\.\d s \|`: 2,
		`\| 3000 a second for 3s to 50 WebSockets \| [1-9]\d* \| 0 \| 0 \| [\d.]+ ms, [\d.]+ ms \| \d+\.\d s of 512KiB \| ` +
			size + `, ` + size + `, ` + size + `; ` + size + ` \| ` + size + `, ` + size + `, ` + size + `; ` + size + ` \|`: 1,
	} {
		if n := len(regexp.MustCompile(row).FindAllString(out.String(), -1)); n != rows {
			t.Errorf("%d rows, want %d, are %s in\n%s", n, rows, row, &out)
		}
	}
}
