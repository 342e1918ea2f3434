package auth

import (
	"strings"
	"testing"
)

func TestOrigins(t *testing.T) {
	for _, test := range []struct {
		list         string
		origin, host string
		want         bool
	}{
		{"", "https://a.com", "a.com", true},
		{"", "https://A.com", "a.COM", true},
		{"", "http://a.com", "a.com", true},
		{"", "https://a.com", "a.com:443", true},
		{"", "http://a.com:80", "a.com", true},
		{"", "http://a.com:8080", "a.com:8080", true},
		{"", "http://a.com:8080", "a.com", false},
		{"", "http://a.com", "a.com:443", false},
		{"", "http://[::1]:8080", "[::1]:8080", true},
		{"", "https://b.com", "a.com", false},
		{"", "https://a.com.evil.com", "a.com", false},
		{"", "https://a.com/", "a.com", false},
		{"", "null", "null", false},
		{"", "", "", false},
		{"", "https://", "", false},
		{"", "a.com", "a.com", false},
		{"https://a.com", "https://a.com", "x", true},
		{"https://a.com", "https://a.com:443", "x", true},
		{"https://A.com:443", "https://a.com", "x", true},
		{"https://a.com", "http://a.com", "x", false},
		{"https://a.com", "https://a.com:8443", "x", false},
		{"https://a.com", "https://x", "x", false},
		{"https://a.com,http://localhost:3000", "http://localhost:3000", "x", true},
		{"https://*.a.com", "https://b.a.com", "x", true},
		{"https://*.a.com", "https://c.b.a.com", "x", true},
		{"https://*.a.com", "https://a.com", "x", false},
		{"https://*.a.com", "https://.a.com", "x", false},
		{"https://*.a.com", "https://evila.com", "x", false},
		{"https://*.a.com", "https://evil.com/b.a.com", "x", false},
		{"https://*.a.com", "https://evil.com#b.a.com", "x", false},
		{"https://*.a.com", "https://*.a.com", "x", false},
		{"*", "https://b.com", "x", true},
		{"*", "null", "x", true},
		{"null", "null", "x", true},
		{"null", "https://null", "x", false},
		{"https://a.com,loopback", "http://127.0.0.1:3000", "x", true},
		{"https://a.com,loopback", "http://b.com", "localhost", false},
		{"capacitor://localhost", "capacitor://localhost", "x", true},
		{"https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443", "x", true},
	} {
		var list []string
		if test.list != "" {
			list = strings.Split(test.list, ",")
		}
		o, err := ParseOrigins(list)
		if err != nil {
			t.Errorf("%s: %v", test.list, err)
			continue
		}
		if got := o.Allows(test.origin, test.host); got != test.want {
			t.Errorf("%q allows %q to %q: %v, want %v", test.list, test.origin, test.host, got, test.want)
		}
	}
}

func TestBadOrigins(t *testing.T) {
	for _, s := range []string{"", "a.com", "https://", "://a.com", "https://a.com/", "https://a.com/path", "https://*", "https://a.*.com", "https://u@a.com", "https://a.com,https://b.com", "ht tp://a", "https://*.*.com"} {
		if _, err := ParseOrigins([]string{s}); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: error %v", s, err)
		}
	}
}

func TestOriginsString(t *testing.T) {
	o, err := ParseOrigins([]string{"HTTPS://A.com:443", "*"})
	if err != nil {
		t.Fatal(err)
	}
	if got := o.String(); got != "https://a.com,*" || !o.Any() || (Origins{}).Any() {
		t.Errorf("got %s", got)
	}
}

func TestLoopback(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST:8080": true, "app.localhost:1": true, "127.0.0.1": true, "127.8.9.1:80": true, "[::1]": true, "[::1]:80": true,
		"::1": true, "[::ffff:127.0.0.1]:1": true, "localhost.": true,
		"": false, "localhost.evil.com": false, "evil.com": false, "128.0.0.1": false, "127.0.0.1.evil.com:80": false, "10.0.0.1": false, "notlocalhost": false, "[::2]:80": false, ":8080": false,
	} {
		if got := Loopback(host); got != want {
			t.Errorf("Loopback(%q) = %v", host, got)
		}
	}
	o := LoopbackOrigins()
	if !o.Allows("http://localhost:3000", "anything") || o.Allows("http://evil.com", "localhost:8080") || o.Allows("null", "localhost") {
		t.Error("loopback origins allow the wrong ones")
	}
}

func FuzzOrigins(f *testing.F) {
	f.Add("https://*.a.com", "https://b.a.com", "a.com")
	f.Add("", "http://[::1]:80", "[::1]")
	f.Fuzz(func(t *testing.T, listed, origin, host string) {
		Loopback(host)
		if (Origins{}).Allows(origin, host) && !strings.Contains(strings.ToLower(origin), strings.TrimSuffix(strings.TrimSuffix(strings.ToLower(host), ":443"), ":80")) {
			t.Errorf("%q is at home on %q", origin, host)
		}
		o, err := ParseOrigins([]string{listed})
		if err != nil {
			return
		}
		again, err := ParseOrigins([]string{o.String()})
		if err != nil || again.String() != o.String() || again.Allows(origin, host) != o.Allows(origin, host) {
			t.Errorf("%q is read back as %q, %v", listed, again, err)
		}
	})
}
