package main

import (
	"fmt"
	"math"
	"os"
	"strconv"
	"strings"
)

// field returns what stands behind "NAME:" in a text of proc(5).
func field(text, name string) (string, bool) {
	for line := range strings.Lines(text) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), true
		}
	}
	return "", false
}

// residentOf reads the resident set, in bytes, out of the text of /proc/PID/status, which has kB.
func residentOf(status string) (uint64, error) {
	value, _ := field(status, "VmRSS")
	number, ok := strings.CutSuffix(value, " kB")
	n, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("VmRSS is %q", value)
	}
	return n << 10, nil
}

// resident returns the resident set of a process, in bytes.
func resident(id int) (uint64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", id))
	if err != nil {
		return 0, err
	}
	return residentOf(string(status))
}

// filesOf reads how many files may be open out of the text of /proc/PID/limits: the soft limit.
func filesOf(limits string) (int, error) {
	for line := range strings.Lines(limits) {
		rest, ok := strings.CutPrefix(line, "Max open files ")
		if words := strings.Fields(rest); ok && len(words) > 0 {
			if words[0] == "unlimited" {
				return math.MaxInt, nil
			}
			return strconv.Atoi(words[0])
		}
	}
	return 0, fmt.Errorf("no limit of open files in %q", limits)
}

// openFiles returns how many files this process may have open. The Go runtime has raised the soft
// limit to the hard one already, as that of the server will.
func openFiles() (int, error) {
	limits, err := os.ReadFile("/proc/self/limits")
	if err != nil {
		return 0, err
	}
	return filesOf(string(limits))
}

// roomFor returns how many clients there can be with so many open files on each side. Of its own,
// a server keeps one in 64 and 100 for others than clients.
func roomFor(files int) int { return max(0, files-files/64-200) }
