package auth

import (
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are the networks whose X-Forwarded-For is believed. None: nobody's is.
type Proxies []netip.Prefix

// Client returns the address that a request comes from: the nearest one on its way that
// is no trusted proxy. remote is http.Request.RemoteAddr. It is the zero Addr when remote
// is no address.
func (p Proxies) Client(remote string, h http.Header) netip.Addr {
	client, ok := hop(remote)
	if !ok {
		return netip.Addr{}
	}
	// Each proxy appends the address it was called from. So the list is believed from its
	// end, as far as proxies are trusted; what stands in front was written by anyone.
	values := h["X-Forwarded-For"]
	for i := len(values) - 1; i >= 0; i-- {
		for rest := values[i]; rest != ""; {
			var last string
			if comma := strings.LastIndexByte(rest, ','); comma >= 0 {
				rest, last = rest[:comma], rest[comma+1:]
			} else {
				rest, last = "", rest
			}
			if !p.trust(client) {
				return client
			}
			next, ok := hop(strings.Trim(last, " \t"))
			if !ok {
				return client
			}
			client = next
		}
	}
	return client
}

func (p Proxies) trust(a netip.Addr) bool {
	for _, network := range p {
		if network.Contains(a) {
			return true
		}
	}
	return false
}

// hop reads an address with or without a port. IPv4 inside IPv6 counts as IPv4, zones
// are left out.
func hop(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap().WithZone(""), true
	}
	return netip.Addr{}, false
}
