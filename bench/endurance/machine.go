package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
)

// machine says where the figures come from.
func machine() string {
	processor := "unknown processor"
	if text, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		if model, ok := field(string(text), "model name"); ok {
			processor = model
		}
	}
	kernel := runtime.GOOS
	if text, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		release, _, _ := strings.Cut(strings.TrimSpace(string(text)), "-")
		kernel = "Linux " + release
	}
	return fmt.Sprintf("%s, %d cores, %s, %s", processor, runtime.NumCPU(), kernel, runtime.Version())
}
