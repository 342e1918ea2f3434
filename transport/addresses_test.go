package transport

import (
	"hash/maphash"
	"net/netip"
	"testing"
	"time"
)

func newAddresses() *addresses { return &addresses{seed: maphash.MakeSeed()} }

func (t *addresses) count() (accounts, held int) {
	for i := range t.shards {
		accounts += len(t.shards[i].accounts)
		held += t.shards[i].held
	}
	return accounts, held
}

func TestNetwork(t *testing.T) {
	for a, want := range map[string]string{
		"192.0.2.1":               "192.0.2.1",
		"::ffff:192.0.2.1":        "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":    "2001:db8:1:2::",
		"2001:db8:1:2:ffff::":     "2001:db8:1:2::",
		"2001:db8:1:3::1":         "2001:db8:1:3::",
		"fe80::1%eth0":            "fe80::",
		"::1":                     "::",
		"64:ff9b::192.0.2.1":      "64:ff9b::",
		"255.255.255.255":         "255.255.255.255",
		"::ffff:255.255.255.255":  "255.255.255.255",
		"2001:db8::%anything-odd": "2001:db8::",
	} {
		if got := network(netip.MustParseAddr(a)); got != netip.MustParseAddr(want) {
			t.Errorf("%s counts as %v, want %s", a, got, want)
		}
	}
}

func FuzzNetwork(f *testing.F) {
	f.Add([]byte{192, 0, 2, 1})
	f.Add([]byte{0: 0x20, 1: 1, 15: 7})
	f.Add([]byte{10: 0xff, 11: 0xff, 12: 192, 15: 7})
	f.Fuzz(func(t *testing.T, b []byte) {
		a, ok := netip.AddrFromSlice(b)
		if !ok {
			return
		}
		n := network(a)
		if !n.IsValid() || n.Is4In6() || network(n) != n {
			t.Fatalf("%v counts as %v", a, n)
		}
		if bits := 64; n.Is6() {
			if p, _ := a.Prefix(bits); !p.Contains(n) {
				t.Fatalf("%v counts as %v, of another /64", a, n)
			}
		} else if n != a.Unmap() {
			t.Fatalf("%v counts as %v", a, n)
		}
	})
}

func TestAddressesHold(t *testing.T) {
	table := newAddresses()
	a, neighbour, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8:0:1::1")
	if !table.hold(a, 2, 0) || !table.hold(neighbour, 2, 0) || table.hold(a, 2, 0) {
		t.Error("a /64 may not have two connections, or may have three")
	}
	if !table.hold(other, 2, 0) {
		t.Error("another /64 is held to the limit of this one")
	}
	table.release(a, 0)
	if !table.hold(neighbour, 2, 0) {
		t.Error("a place that was given back is not free")
	}
	for _, x := range []netip.Addr{a, a, other} {
		table.release(x, 0)
	}
	if accounts, held := table.count(); accounts+held != 0 {
		t.Errorf("%d accounts are left of nobody, %d of them held", accounts, held)
	}
}

// A flood from ever new addresses leaves no more than the bound, and pushes out nobody who is
// connected.
func TestAddressesForget(t *testing.T) {
	table, r := newAddresses(), rateOf(1, 10*time.Second)
	connected := netip.MustParseAddr("192.0.2.1")
	table.hold(connected, 1, 0)
	at := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}) }
	for i := range 3 * idleAddresses {
		if wait := table.request(at(i), r, time.Minute); wait != 0 {
			t.Fatalf("the first request of %v has to wait for %v", at(i), wait)
		}
	}
	if accounts, _ := table.count(); accounts > idleAddresses+addressShards {
		t.Errorf("%d accounts, at most %d are kept", accounts, idleAddresses)
	}
	if table.hold(connected, 1, time.Minute) {
		t.Error("a flood made the table forget a connection")
	}
	// A little traffic an hour later forgets the flood.
	for i := range idleAddresses / 2 {
		table.request(at(1<<20+i), r, time.Hour)
	}
	if accounts, _ := table.count(); accounts > idleAddresses*3/4 {
		t.Errorf("%d accounts are left an hour after the flood", accounts)
	}
}
