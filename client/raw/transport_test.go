package raw

import "testing"

func TestTransportNames(t *testing.T) {
	for _, transport := range Transports() {
		if got, err := ParseTransport(transport.String()); err != nil || got != transport {
			t.Errorf("%v is read as %v, %v", transport, got, err)
		}
		var read Transport
		if err := read.UnmarshalText([]byte(transport.String())); err != nil || read != transport {
			t.Errorf("%v is unmarshalled as %v, %v", transport, read, err)
		}
	}
	if got, err := ParseTransport("ws"); err != nil || got != WebSocket {
		t.Errorf("ws is read as %v, %v", got, err)
	}
	for _, s := range []string{"", "WS", "pigeon", Transport(9).String()} {
		if got, err := ParseTransport(s); err == nil {
			t.Errorf("%q is read as %v", s, got)
		}
	}
	if _, err := Open(t.Context(), Options{URL: "http://localhost", Transport: 9}); err == nil {
		t.Error("a transport that is none was opened")
	}
}
