package config

import (
	"strings"
	"testing"
)

func TestCounts(t *testing.T) {
	for _, text := range []string{"0", "-1", "+1", "1.5", "off", "AUTO", "10000001", "99999999999999999999", "1e3", " 1", ""} {
		c := 7
		if err := (countValue{&c, 10_000_000, "auto"}).set(text); err == nil || !strings.Contains(err.Error(), "from 1 to 10000000") || c != 7 {
			t.Errorf("%q: %v, and it is %d", text, err, c)
		}
	}
}

func TestSizesThatMayBeOff(t *testing.T) {
	n := int64(7)
	v := sizeOrOff{sizeValue{&n, 1, 1 << 20}}
	for _, text := range []string{"0", "OFF", "2MiB", "many"} {
		if err := v.set(text); err == nil || !strings.HasSuffix(err.Error(), "or off") || n != 7 {
			t.Errorf("%q: %v, and it is %d", text, err, n)
		}
	}
}

func FuzzCount(f *testing.F) {
	f.Add("12")
	f.Add("auto")
	f.Fuzz(func(t *testing.T, text string) {
		var c, again int
		v := countValue{&c, 1000, "auto"}
		if v.set(text) != nil {
			return
		}
		if c < 0 || c > 1000 {
			t.Fatalf("%q is %d", text, c)
		}
		if err := (countValue{&again, 1000, "auto"}).set(v.text()); err != nil || again != c {
			t.Fatalf("%q is written %q, which is %d, %v", text, v.text(), again, err)
		}
	})
}

func TestLimitsPerAddressNeedProxies(t *testing.T) {
	warned := func(text string) bool {
		return strings.Contains(strings.Join(load(t, inFile(text)).Warnings(), "\n"), "count as one")
	}
	for _, limit := range []string{"max_connections_per_address: 5", "request_rate_per_address: 5"} {
		if !warned(limit) {
			t.Errorf("%s without proxies: no warning", limit)
		}
		if warned(limit + "\ntrusted_proxies: 10.0.0.0/8") {
			t.Errorf("%s with proxies: a warning", limit)
		}
	}
	if warned("connect_rate: 5") {
		t.Error("a warning of a limit that is no address's")
	}
}
