package deploy

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/test/deploy/balancer"
	"github.com/wsbridge/wsbridge/test/testserver"
)

// certificate writes the one of httptest, for 127.0.0.1, to files that everybody may read, and
// returns who trusts it.
func certificate(t *testing.T) (dir string, roots *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	key, err := x509.MarshalPKCS8PrivateKey(s.TLS.Certificates[0].PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	chain := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})
	if dir, err = os.MkdirTemp("", "wsbridge-tls-"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// nginx reads the certificate out of the one and the key out of the other, HAProxy both.
	for name, text := range map[string][]byte{"site.pem": append(chain, private...), "site.key": private} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	roots = x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return dir, roots
}

// TestTLS takes the lines for TLS out of their comments, and has HTTP/2 spoken.
func TestTLS(t *testing.T) {
	each(t, func(t *testing.T, kind balancer.Kind) {
		dir, roots := certificate(t)
		addr := net.JoinHostPort("127.0.0.1", strconv.Itoa(redistest.Port(t)))
		edits := map[balancer.Kind][]string{
			balancer.HAProxy: {"# bind :443 ", "bind " + addr + " ", "/etc/haproxy/", dir + "/"},
			balancer.Nginx:   {"# listen 443 ", "listen " + addr + " ", "# ssl_", "ssl_", "/etc/nginx/", dir + "/"},
		}
		server := testserver.Start(t, "WSBRIDGE_HEARTBEAT=10m")
		balancer.Start(t, kind, []string{server.Addr}, edits[kind]...)

		var secure http.Transport
		secure.TLSClientConfig = &tls.Config{RootCAs: roots}
		secure.ForceAttemptHTTP2 = true
		t.Cleanup(secure.CloseIdleConnections)
		for i, w := range ways {
			channel := pubsub.Channel(fmt.Sprintf("way:%d", i))
			o := w.options("https://"+addr, channel)
			o.HTTPClient = &http.Client{Transport: &secure}
			line := open(t, o)
			until(t, line, raw.Welcome)
			if w.Transport == raw.WebSocket {
				until(t, line, raw.Subscribed)
			}
			publish(t, server.URL(""), channel, "application/json", []byte("1"))
			if m := until(t, line, raw.Message).Message; !bytes.Equal(m.Data.Bytes, []byte("1")) {
				t.Errorf("%v: %s", w, m.Data.Bytes)
			}
			line.CloseNow()
		}
		req, err := http.NewRequestWithContext(patient(t), http.MethodGet, "https://"+addr+"/readyz", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := secure.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.ProtoMajor != 2 {
			t.Errorf("it is %s", resp.Proto)
		}
	})
}
