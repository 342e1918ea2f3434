package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestReasons(t *testing.T) {
	var r reasons
	if got := r.String(); got != "0" {
		t.Errorf("none: %s", got)
	}
	for port := range 3 {
		r.add(&net.OpError{Op: "dial", Addr: &net.TCPAddr{Port: port}, Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)})
	}
	r.add(errors.New("HTTP/1.1 503 Service Unavailable"))
	if got, want := r.String(), fmt.Sprintf("4 (3: %v)", syscall.ECONNREFUSED); got != want {
		t.Errorf("%s, not %s", got, want)
	}
}
