package redistest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// Ports are chosen below the range that the kernel gives to outgoing connections. Above, a
// stranger's connection could sit on the port of a server that is dead for a moment, and a
// client that keeps dialling the dead port would in the end be given this very port for its
// own side, and be connected to itself.
const (
	firstPort = 10000
	lastPort  = 32000
)

// Port returns a free TCP port of 127.0.0.1, and keeps it for this test: as long as the test
// runs, no other call in any process returns it. Nothing listens there yet.
//
// Whoever wants a port takes the UDP port of the same number first, and holds on to it. So
// the claim is seen by all processes, outlives a server that is restarted, and ends by itself
// if the process crashes.
func Port(t testing.TB) int {
	t.Helper()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		claim, err := net.ListenPacket("udp", addr)
		if err != nil {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil { // a stranger, who knows nothing of claims
			claim.Close()
			continue
		}
		l.Close()
		t.Cleanup(func() { claim.Close() })
		return port
	}
	t.Fatal("redistest: no free port")
	return 0
}
