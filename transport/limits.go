package transport

import (
	"hash/maphash"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/internal/problem"
)

// Limits are what clients may take of a server. A field that is 0 sets no limit.
type Limits struct {
	// Connections are WebSockets, streams, downloads and polls that are held, of all clients.
	Connections int

	// ConnectionsPerAddress are those of one address. Of IPv6 it is a /64; behind trusted
	// proxies what they forward.
	ConnectionsPerAddress int

	// ConnectRate is how many WebSockets and streams may be opened in a second. Polls do not
	// count: each answer is followed by one.
	ConnectRate int

	// RequestRatePerAddress is how many requests a second may come from one address: polls,
	// commands by POST, and those that open a WebSocket or stream. Ten seconds' worth may come
	// at once.
	RequestRatePerAddress int

	// CommandRate and ByteRate are the commands and the bytes a second that one WebSocket may
	// send, ten seconds' worth at once, and always the largest command. What comes beyond is
	// refused; after as much again the connection is closed.
	CommandRate int
	ByteRate    int64
}

// The names of the limits, for [Observer].Limited.
const (
	limitConnections           = "connections"
	limitConnectionsPerAddress = "connections_per_address"
	limitConnectRate           = "connect_rate"
	limitRequestRatePerAddress = "request_rate_per_address"
	limitCommandRate           = "command_rate"
	limitByteRate              = "byte_rate"
)

const (
	connectBurst = time.Second      // a storm is let in no faster than that
	clientBurst  = 10 * time.Second // a page that loads subscribes to all it shows
	longestRetry = 30 * time.Second

	// explainRate is how many refusals a second get a handshake, so that a page can see why.
	explainRate = 100
)

// limits holds clients to [Limits]. Nothing in it is locked for all clients.
type limits struct {
	Limits
	start time.Time // what buckets count from

	connections atomic.Int64
	connect     rate
	connects    sharedBucket
	promises    sharedBucket // turns of those who were refused
	explain     rate
	explained   sharedBucket

	requests  rate // of one address
	addresses addresses

	commands, bytes rate // of one WebSocket
}

func (l *limits) init(o Limits, maxCommand int64) {
	l.Limits, l.start = o, time.Now()
	l.connect = rateOf(int64(o.ConnectRate), connectBurst)
	l.explain = rateOf(explainRate, time.Second)
	l.requests = rateOf(int64(o.RequestRatePerAddress), clientBurst)
	l.commands = rateOf(int64(o.CommandRate), clientBurst)
	if l.bytes = rateOf(o.ByteRate, clientBurst); l.bytes.limited() {
		l.bytes.burst = max(l.bytes.burst, l.bytes.cost(int(maxCommand)))
	}
	l.addresses.seed = maphash.MakeSeed()
}

func (l *limits) now() time.Duration { return time.Since(l.start) }

// claim gives a client a place, or says why there is none. It is asked before anything else
// is done for the client, since refusing has to be cheap. release gives the place back.
func (s *Server) claim(transport string, from netip.Addr) error {
	l := &s.limits
	if n := l.connections.Add(1); l.Connections > 0 && n > int64(l.Connections) {
		l.connections.Add(-1)
		return s.limited(limitConnections, problem.New(problem.OverCapacity,
			"the instance has %d connections, which is all it may have", l.Connections).After(spread(10*time.Second)))
	}
	if err := s.claimAddress(from); err != nil {
		l.connections.Add(-1)
		return err
	}
	if !l.connect.limited() || transport == longPoll {
		return nil
	}
	now := l.now()
	if l.connects.take(l.connect, now) == 0 {
		return nil
	}
	s.release(from)
	return s.limited(limitConnectRate, problem.New(problem.OverCapacity,
		"more than %d connections a second are being opened; come back when Retry-After says", l.ConnectRate).
		After(l.promises.promise(l.connect, now, longestRetry)))
}

// release gives back the place that claim gave.
func (s *Server) release(from netip.Addr) {
	l := &s.limits
	l.connections.Add(-1)
	if l.ConnectionsPerAddress > 0 && from.IsValid() {
		l.addresses.release(from, l.now())
	}
}

// claimAddress holds one address to its limits. Who comes from none that is known, as over a
// Unix socket, is held to the others only.
func (s *Server) claimAddress(from netip.Addr) error {
	l := &s.limits
	if err := s.claimRequest(from); err != nil {
		return err
	}
	if l.ConnectionsPerAddress == 0 || !from.IsValid() || l.addresses.hold(from, l.ConnectionsPerAddress, l.now()) {
		return nil
	}
	return s.limited(limitConnectionsPerAddress, problem.New(problem.RateLimited,
		"%v has %d connections, which is all that one address may have", network(from), l.ConnectionsPerAddress).
		After(spread(10*time.Second)))
}

// claimRequest holds one address to its rate of requests.
func (s *Server) claimRequest(from netip.Addr) error {
	wait := s.requestWait(from)
	if wait == 0 {
		return nil
	}
	l := &s.limits
	return s.limited(limitRequestRatePerAddress, problem.New(problem.RateLimited,
		"more than %d requests a second come from %v", l.RequestRatePerAddress, network(from)).
		After(wait+spread(2*time.Second)))
}

// requestWait counts a request, or says when an address may send the next one.
func (s *Server) requestWait(from netip.Addr) time.Duration {
	l := &s.limits
	if !l.requests.limited() || !from.IsValid() {
		return 0
	}
	return l.addresses.request(from, l.requests, l.now())
}

// limited counts a refusal by its limit.
func (s *Server) limited(limit string, p problem.Problem) problem.Problem {
	s.options.Observer.Limited(limit)
	return p
}

// explains reports whether a handshake is completed for a client that is refused. A page sees
// neither status nor headers of one that is not; programs do. In a storm most are refused
// without: pages then back off by themselves.
func (s *Server) explains(r *http.Request) bool {
	return r.Header.Get("Origin") != "" && s.limits.explained.take(s.limits.explain, s.limits.now()) == 0
}

// spread returns a time up to d, and at least a second, since Retry-After counts those.
func spread(d time.Duration) time.Duration { return time.Second + rand.N(d-time.Second) }
