package chaos

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

var (
	firstSeed = flag.Uint64("seed", 1, "the first `seed`")
	seeds     = flag.Int("seeds", 1, "how many seeds to run each scenario with")
)

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	flag.Parse()
	dir, err := os.MkdirTemp("", "wsbridge-chaos-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binDir = dir
	code := m.Run()
	results.print(os.Stdout)
	return code
}
