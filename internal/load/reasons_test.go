package load

import (
	"fmt"
	"net"
	"syscall"
	"testing"
)

func TestReasonsAreBounded(t *testing.T) {
	var r reasons
	for i := range 100 {
		for range 100 - i {
			r.add("doing", fmt.Errorf("reason %d", i))
		}
	}
	list := r.list()
	if len(list) != maxReasons+1 {
		t.Fatalf("%d reasons are told apart", len(list))
	}
	sum := 0
	for i, reason := range list {
		sum += reason.Count
		if i > 0 && reason.Count > list[i-1].Count {
			t.Errorf("%v stands behind %v", reason, list[i-1])
		}
	}
	if sum != 5050 || list[0].Why != "other reasons" || list[1] != (Reason{"doing: reason 0", 100}) {
		t.Errorf("%d in all: %v", sum, list)
	}
}

func TestReasonsNameNoPorts(t *testing.T) {
	var r reasons
	for port := range 50 {
		r.add("connection", fmt.Errorf("reading: %w", &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: port}, Err: syscall.ECONNRESET,
		}))
	}
	if list := r.list(); len(list) != 1 || list[0] != (Reason{"connection: read: " + syscall.ECONNRESET.Error(), 50}) {
		t.Error(list)
	}
}
