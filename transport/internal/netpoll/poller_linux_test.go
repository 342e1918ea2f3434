package netpoll

import (
	"runtime"
	"testing"
)

// Idle connections have no goroutine.
func TestIdleConnectionsHaveNoGoroutine(t *testing.T) {
	poller := New(Options{Loops: 1})
	defer poller.Close()
	before := runtime.NumGoroutine()
	for range 100 {
		p := newPeer()
		p.input = func([]byte) bool { return true }
		p.take(t, poller)
	}
	if n := runtime.NumGoroutine() - before; n > 5 {
		t.Errorf("100 connections have %d goroutines", n)
	}
}

// One connection whose peer never stops sending does not keep another from being read.
func TestABusyConnectionLeavesOthersTheirTurn(t *testing.T) {
	poller := New(Options{Loops: 1})
	defer poller.Close()
	flood := newPeer()
	flood.input = func([]byte) bool { return true }
	there := flood.take(t, poller)
	go func() {
		for b := make([]byte, 1<<20); ; {
			if _, err := there.Write(b); err != nil {
				return
			}
		}
	}()
	for range 20 {
		p := newPeer()
		came := make(chan struct{})
		p.input = func([]byte) bool { close(came); return true }
		p.take(t, poller).Write([]byte("x"))
		<-came
	}
	there.Close()
}
