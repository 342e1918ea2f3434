package transport

import (
	"net/http"
	"net/netip"
	"strings"
)

// ClientIP returns the address that a request comes from: the nearest on its way that is
// no trusted proxy.
func (s *Server) ClientIP(r *http.Request) netip.Addr {
	return s.proxies.Client(r.RemoteAddr, r.Header)
}

// host returns the host that the client asked. Behind a trusted proxy that is what the
// proxy was asked; of several values the last counts, since whoever came before could have
// written the others.
func (s *Server) host(r *http.Request) string {
	forwarded := r.Header["X-Forwarded-Host"]
	if len(forwarded) == 0 || !s.trusted(r.RemoteAddr) {
		return r.Host
	}
	last := forwarded[len(forwarded)-1]
	if i := strings.LastIndexByte(last, ','); i >= 0 {
		last = last[i+1:]
	}
	if last = strings.TrimSpace(last); last != "" {
		return last
	}
	return r.Host
}

func (s *Server) trusted(remote string) bool {
	peer, err := netip.ParseAddrPort(remote)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap().WithZone("")
	for _, network := range s.proxies {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}
