package main

import (
	"os"
	"testing"
)

func TestResident(t *testing.T) {
	got, err := residentOf("Name:\twsbridge\nVmHWM:\t   99999 kB\nVmRSS:\t   60620 kB\nThreads:\t8\n")
	if err != nil || got != 60620<<10 {
		t.Errorf("%d, %v", got, err)
	}
	for _, text := range []string{"", "VmRSS:\t12\n", "VmRSS:\tmany kB\n"} {
		if got, err := residentOf(text); err == nil {
			t.Errorf("%q is %d", text, got)
		}
	}
	if got, err := resident(os.Getpid()); err != nil || got < 1<<20 {
		t.Errorf("this process has %d, %v", got, err)
	}
}

func TestOpenFiles(t *testing.T) {
	const head = "Limit                     Soft Limit           Hard Limit           Units     \n"
	got, err := filesOf(head + "Max processes             100                  200                  processes \n" +
		"Max open files            1024                 20000                files     \n")
	if err != nil || got != 1024 {
		t.Errorf("%d, %v", got, err)
	}
	if got, err := filesOf(head + "Max open files            unlimited            unlimited            files     \n"); err != nil || got < 1<<30 {
		t.Errorf("%d, %v", got, err)
	}
	if _, err := filesOf(head); err == nil {
		t.Error("no limit, and no error")
	}
	if got, err := openFiles(); err != nil || got < 3 {
		t.Errorf("this process may open %d, %v", got, err)
	}
	if got := roomFor(20_000); got < 19_000 || got > 19_500 {
		t.Errorf("20,000 files are enough for %d clients", got)
	}
	if got := roomFor(100); got != 0 {
		t.Errorf("100 files are enough for %d clients", got)
	}
}
