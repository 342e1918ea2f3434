package main

import "testing"

func TestMetric(t *testing.T) {
	const page = "# HELP go_memstats_heap_inuse_bytes Number of heap bytes that are in use.\n" +
		"# TYPE go_memstats_heap_inuse_bytes gauge\n" +
		"go_memstats_heap_inuse_bytes 1.2345678e+07\n" +
		"wsbridge_log_bytes_more 1\nwsbridge_log_bytes 42\n"
	for name, want := range map[string]uint64{heapInUse: 12_345_678, logBytes: 42} {
		if got, err := metric(page, name); err != nil || got != want {
			t.Errorf("%s is %d, %v", name, got, err)
		}
	}
	if got, err := metric(page, logLimit); err == nil {
		t.Errorf("what is not there is %d", got)
	}
}
