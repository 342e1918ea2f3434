package redistest

import (
	"net"
	"strconv"
	"testing"
)

func TestPortIsClaimedUntilTheTestEnds(t *testing.T) {
	t.Parallel()
	seen := make(map[int]bool)
	var last string
	t.Run("holder", func(t *testing.T) {
		for range 200 {
			port := Port(t)
			if seen[port] {
				t.Fatalf("port %d was given twice", port)
			}
			seen[port] = true
			last = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		}
		l, err := net.Listen("tcp", last)
		if err != nil {
			t.Fatal("a claimed port cannot be listened on: ", err)
		}
		l.Close()
		if claim, err := net.ListenPacket("udp", last); err == nil {
			claim.Close()
			t.Error("the claim is not held")
		}
	})
	claim, err := net.ListenPacket("udp", last)
	if err != nil {
		t.Fatal("the claim outlives its test: ", err)
	}
	claim.Close()
}
