package auth

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestProxies(t *testing.T) {
	trusted := Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, test := range []struct {
		name, remote string
		forwarded    []string
		proxies      Proxies
		want         string
	}{
		{"direct", "192.0.2.1:5000", nil, trusted, "192.0.2.1"},
		{"lies told directly", "192.0.2.1:5000", []string{"198.51.100.7"}, trusted, "192.0.2.1"},
		{"nobody trusted", "10.0.0.1:5000", []string{"198.51.100.7"}, nil, "10.0.0.1"},
		{"one proxy", "10.0.0.1:5000", []string{"198.51.100.7"}, trusted, "198.51.100.7"},
		{"two proxies", "10.0.0.1:5000", []string{"198.51.100.7, 10.0.0.2"}, trusted, "198.51.100.7"},
		{"lies in front", "10.0.0.1:5000", []string{"203.0.113.9, 198.51.100.7 ,10.0.0.2"}, trusted, "198.51.100.7"},
		{"two headers", "10.0.0.1:5000", []string{"203.0.113.9", "198.51.100.7,10.0.0.2"}, trusted, "198.51.100.7"},
		{"all proxies", "10.0.0.1:5000", []string{"10.0.0.3,10.0.0.2"}, trusted, "10.0.0.3"},
		{"garbage", "10.0.0.1:5000", []string{"198.51.100.7,unknown"}, trusted, "10.0.0.1"},
		{"garbage behind a proxy", "10.0.0.1:5000", []string{"unknown,10.0.0.2"}, trusted, "10.0.0.2"},
		{"empty", "10.0.0.1:5000", []string{""}, trusted, "10.0.0.1"},
		{"empty entry", "10.0.0.1:5000", []string{"198.51.100.7,"}, trusted, "10.0.0.1"},
		{"ports", "10.0.0.1:5000", []string{"198.51.100.7:1234"}, trusted, "198.51.100.7"},
		{"IPv6", "[fd00::1]:5000", []string{"[2001:db8::7]:1234"}, trusted, "2001:db8::7"},
		{"IPv6 bare", "[fd00::1]:5000", []string{"2001:db8::7"}, trusted, "2001:db8::7"},
		{"IPv4 inside IPv6", "[::ffff:10.0.0.1]:5000", []string{"::ffff:198.51.100.7"}, trusted, "198.51.100.7"},
		{"zone", "[fe80::1%eth0]:5000", nil, trusted, "fe80::1"},
		{"no address", "@", []string{"198.51.100.7"}, trusted, "invalid IP"},
	} {
		h := http.Header{}
		for _, v := range test.forwarded {
			h.Add("X-Forwarded-For", v)
		}
		if got := test.proxies.Client(test.remote, h).String(); got != test.want {
			t.Errorf("%s: %s, want %s", test.name, got, test.want)
		}
	}
}

func FuzzProxies(f *testing.F) {
	f.Add("198.51.100.7, 10.0.0.2", "1.2.3.4")
	f.Add(",,[::1]:80,%eth0", "")
	trusted := Proxies{netip.MustParsePrefix("10.0.0.0/8")}
	f.Fuzz(func(t *testing.T, first, second string) {
		h := http.Header{"X-Forwarded-For": {first, second}}
		if !trusted.Client("10.0.0.1:1", h).IsValid() {
			t.Error("no address")
		}
		if got := trusted.Client("192.0.2.1:1", h).String(); got != "192.0.2.1" {
			t.Errorf("believed a stranger: %s", got)
		}
	})
}
