package redistest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"strconv"
	"testing"
	"time"
)

// StartTLS starts a redis-server that speaks TLS only, and returns what a client has to know:
// the authority that vouches for it, for the names 127.0.0.1 and localhost. A proxy in front
// of it is vouched for as well. The server asks for no certificate.
func StartTLS(t testing.TB, args ...string) (*Server, *tls.Config) {
	t.Helper()
	var config *tls.Config
	s := start(t, func(s *Server) []string {
		config = s.certify()
		s.tls = config.Clone()
		s.tls.ServerName = "localhost"
		return append([]string{
			"--port", "0",
			"--tls-port", strconv.Itoa(s.port),
			"--tls-cert-file", s.path("server.crt"),
			"--tls-key-file", s.path("server.key"),
			"--tls-ca-cert-file", s.CAFile(),
			"--tls-auth-clients", "no",
		}, args...)
	})
	return s, config
}

// CAFile returns the file with the certificate of the authority that vouches for a server
// started by StartTLS.
func (s *Server) CAFile() string { return s.path("ca.crt") }

// certify makes an authority, and a certificate by it for the server.
func (s *Server) certify() *tls.Config {
	s.t.Helper()
	caKey, serverKey := s.key(), s.key()
	ca := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "redistest authority"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	server := &x509.Certificate{
		SerialNumber: big.NewInt(2),
		Subject:      pkix.Name{CommonName: "redistest server"},
		NotBefore:    ca.NotBefore,
		NotAfter:     ca.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	caDER := s.sign(ca, ca, caKey, caKey)
	s.writePEM("ca.crt", "CERTIFICATE", caDER)
	s.writePEM("server.crt", "CERTIFICATE", s.sign(server, ca, serverKey, caKey))
	der, err := x509.MarshalPKCS8PrivateKey(serverKey)
	if err != nil {
		s.t.Fatal("redistest: ", err)
	}
	s.writePEM("server.key", "PRIVATE KEY", der)

	parsed, err := x509.ParseCertificate(caDER)
	if err != nil {
		s.t.Fatal("redistest: ", err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return &tls.Config{RootCAs: roots}
}

func (s *Server) key() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.t.Fatal("redistest: ", err)
	}
	return key
}

func (s *Server) sign(cert, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, by)
	if err != nil {
		s.t.Fatal("redistest: ", err)
	}
	return der
}

func (s *Server) writePEM(file, kind string, der []byte) {
	if err := os.WriteFile(s.path(file), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		s.t.Fatal("redistest: ", err)
	}
}
