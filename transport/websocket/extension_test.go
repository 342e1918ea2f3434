package websocket

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAcceptDeflate: what a server answers to offers (RFC 7692, section 7.1).
func TestAcceptDeflate(t *testing.T) {
	frugal := &DeflateOptions{}
	generous := &DeflateOptions{ServerContextTakeover: true, ClientContextTakeover: true}
	narrow := &DeflateOptions{ServerContextTakeover: true, ClientContextTakeover: true, ServerMaxWindowBits: 10, ClientMaxWindowBits: 9}
	const name, none = "permessage-deflate", ""
	const sn, cn = "; server_no_context_takeover", "; client_no_context_takeover"
	for _, c := range []struct {
		options *DeflateOptions
		offer   string
		want    string
	}{
		{nil, name, none},
		{frugal, "", none},
		{frugal, "x-webkit-deflate-frame", none},
		{frugal, name, name + sn + cn},
		{generous, name, name},
		{generous, "other, " + name, name},
		{generous, "Permessage-Deflate; SERVER_no_context_takeover", name + sn},
		{generous, name + sn, name + sn},
		{generous, name + cn, name + cn},
		{generous, name + sn + cn, name + sn + cn},
		{generous, name + "; server_max_window_bits=8", name + "; server_max_window_bits=8"},
		{generous, name + "; server_max_window_bits=15", name},
		{generous, name + `; server_max_window_bits="12"`, name + "; server_max_window_bits=12"},
		{generous, name + "; client_max_window_bits", name},
		{generous, name + "; client_max_window_bits=11", name + "; client_max_window_bits=11"},
		{narrow, name, name + "; server_max_window_bits=10"},
		{narrow, name + "; client_max_window_bits", name + "; server_max_window_bits=10; client_max_window_bits=9"},
		{narrow, name + "; client_max_window_bits=8; server_max_window_bits=9", name + "; server_max_window_bits=9; client_max_window_bits=8"},
		// Declined: unknown, repeated, value missing, superfluous or out of range.
		{generous, name + "; fancy", none},
		{generous, name + sn + sn, none},
		{generous, name + sn + "=1", none},
		{generous, name + cn + "=1", none},
		{generous, name + "; server_max_window_bits", none},
		{generous, name + "; server_max_window_bits=7", none},
		{generous, name + "; server_max_window_bits=16", none},
		{generous, name + "; server_max_window_bits=08", none},
		{generous, name + "; server_max_window_bits=+9", none},
		{generous, name + "; client_max_window_bits=x", none},
		{generous, name + "; client_max_window_bits; client_max_window_bits=9", none},
		// The first that can be met.
		{generous, name + "; fancy, " + name + "; server_max_window_bits=7, " + name + cn + ", " + name + sn, name + cn},
	} {
		offers, ok := extensions(http.Header{headerExtensions: {c.offer}})
		if !ok {
			t.Fatalf("malformed: %q", c.offer)
		}
		got := ""
		if p := acceptDeflate(offers, c.options); p != nil {
			got = p.response()
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.offer, got, c.want)
		}
	}
}

// TestConfirmDeflate: which answers a client takes.
func TestConfirmDeflate(t *testing.T) {
	frugal := &DeflateOptions{}
	generous := &DeflateOptions{ServerContextTakeover: true, ClientContextTakeover: true}
	narrow := &DeflateOptions{ServerContextTakeover: true, ClientContextTakeover: true, ServerMaxWindowBits: 10, ClientMaxWindowBits: 9}
	const name = "permessage-deflate"
	const sn, cn = "; server_no_context_takeover", "; client_no_context_takeover"
	for _, c := range []struct {
		options *DeflateOptions
		answer  string
		want    *DeflateParams
		ok      bool
	}{
		{nil, "", nil, true},
		{generous, "", nil, true},
		{nil, name, nil, false},
		{generous, "other", nil, false},
		{generous, name + ", " + name, nil, false},
		{generous, name, &DeflateParams{false, false, 15, 15}, true},
		{generous, name + sn + cn, &DeflateParams{true, true, 15, 15}, true},
		{generous, name + "; server_max_window_bits=8", &DeflateParams{false, false, 8, 15}, true},
		{generous, name + "; client_max_window_bits=9", &DeflateParams{false, false, 15, 9}, true},
		{generous, name + "; client_max_window_bits", nil, false},
		{generous, name + "; fancy", nil, false},
		{frugal, name, nil, false},
		{frugal, name + sn, &DeflateParams{true, true, 15, 15}, true},
		{narrow, name, nil, false},
		{narrow, name + "; server_max_window_bits=11", nil, false},
		{narrow, name + "; server_max_window_bits=10", &DeflateParams{false, false, 10, 9}, true},
		{narrow, name + "; server_max_window_bits=8; client_max_window_bits=10", nil, false},
		{narrow, name + "; server_max_window_bits=8; client_max_window_bits=8", &DeflateParams{false, false, 8, 8}, true},
	} {
		answer, ok := extensions(http.Header{headerExtensions: {c.answer}})
		if !ok {
			t.Fatalf("malformed: %q", c.answer)
		}
		got, ok := confirmDeflate(answer, c.options)
		if ok != c.ok || !cmp.Equal(got, c.want) {
			t.Errorf("%s: %+v, %v, want %+v, %v", c.answer, got, ok, c.want, c.ok)
		}
	}
}

func TestOffer(t *testing.T) {
	for want, o := range map[string]*DeflateOptions{
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover; client_max_window_bits": {},
		"permessage-deflate; client_max_window_bits":                                                         {ServerContextTakeover: true, ClientContextTakeover: true},
		"permessage-deflate; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=8; client_max_window_bits=12": {
			ServerMaxWindowBits: 3, ClientMaxWindowBits: 12},
	} {
		if got := o.offer(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// FuzzNegotiate lets both sides of this package negotiate whatever the options and the offer are: what a server answers is never
// more than was offered, and a client that made the offer takes it.
func FuzzNegotiate(f *testing.F) {
	f.Add("permessage-deflate; client_max_window_bits=10, permessage-deflate", true, false, 9, 12)
	f.Add("permessage-deflate; server_max_window_bits=15", false, false, 0, 99)
	f.Fuzz(func(t *testing.T, offer string, st, ct bool, sb, cb int) {
		server := &DeflateOptions{ServerContextTakeover: st, ClientContextTakeover: ct, ServerMaxWindowBits: sb, ClientMaxWindowBits: cb}
		offers, ok := extensions(http.Header{headerExtensions: {offer}})
		if !ok {
			return
		}
		if p := acceptDeflate(offers, server); p != nil {
			if !strings.Contains(strings.ToLower(offer), "permessage-deflate") {
				t.Fatalf("%q was not offered", p.response())
			}
			for _, bits := range []int{p.ServerMaxWindowBits, p.ClientMaxWindowBits} {
				if bits < 8 || bits > 15 {
					t.Fatalf("%q: %d bits", p.response(), bits)
				}
			}
			if p.ClientMaxWindowBits < 15 && !strings.Contains(strings.ToLower(offer), "client_max_window_bits") {
				t.Fatalf("%q limits a client that does not know how", p.response())
			}
		}
		client := &DeflateOptions{ServerContextTakeover: ct, ClientContextTakeover: st, ServerMaxWindowBits: cb, ClientMaxWindowBits: sb}
		own, ok := extensions(http.Header{headerExtensions: {client.offer()}})
		if !ok {
			t.Fatalf("malformed: %q", client.offer())
		}
		agreed := acceptDeflate(own, server)
		if agreed == nil {
			t.Fatalf("declined: %q", client.offer())
		}
		answer, ok := extensions(http.Header{headerExtensions: {agreed.response()}})
		if !ok {
			t.Fatalf("malformed: %q", agreed.response())
		}
		confirmed, ok := confirmDeflate(answer, client)
		if !ok || confirmed.ServerMaxWindowBits != agreed.ServerMaxWindowBits || confirmed.ClientMaxWindowBits > agreed.ClientMaxWindowBits ||
			confirmed.ServerNoContextTakeover != agreed.ServerNoContextTakeover || agreed.ClientNoContextTakeover && !confirmed.ClientNoContextTakeover {
			t.Fatalf("%q answered with %q: %+v", client.offer(), agreed.response(), confirmed)
		}
	})
}
