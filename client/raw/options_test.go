package raw

import (
	"testing"
	"time"
)

func TestEndpoint(t *testing.T) {
	for _, tt := range []struct {
		url, http, ws string
	}{
		{"http://a", "http://a/v1/x", "ws://a/v1/x"},
		{"https://a:8443/", "https://a:8443/v1/x", "wss://a:8443/v1/x"},
		{"ws://a/bridge", "http://a/bridge/v1/x", "ws://a/bridge/v1/x"},
		{"wss://a/bridge/?key=b", "https://a/bridge/v1/x?key=b", "wss://a/bridge/v1/x?key=b"},
	} {
		o := Options{URL: tt.url}
		if u, err := o.endpoint("/v1/x", false); err != nil || u.String() != tt.http {
			t.Errorf("%s: %v, %v", tt.url, u, err)
		}
		if u, err := o.endpoint("/v1/x", true); err != nil || u.String() != tt.ws {
			t.Errorf("%s: %v, %v", tt.url, u, err)
		}
	}
	for _, bad := range []string{"", "localhost:8080", "/v1", "ftp://a", "http://", "http://a b"} {
		o := Options{URL: bad}
		if u, err := o.endpoint("/v1/x", false); err == nil {
			t.Errorf("%q becomes %v", bad, u)
		}
	}
}

func TestDefaults(t *testing.T) {
	a, b := Options{}.withDefaults(), Options{}.withDefaults()
	if a.ClientID == "" || a.ClientID == b.ClientID {
		t.Errorf("two clients are called %q and %q", a.ClientID, b.ClientID)
	}
	if a.Wait != 25*time.Second || a.Interval != time.Second || a.Limit != 100 || a.MaxEvent != 4<<20 {
		t.Errorf("the defaults are %+v", a)
	}
}
