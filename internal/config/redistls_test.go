package config

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// selfSigned returns a certificate and its key in PEM.
func selfSigned(t *testing.T) (certificate, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, bytes []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}))
	}
	return block("CERTIFICATE", der), block("PRIVATE KEY", pkcs8)
}

func TestRedisTLS(t *testing.T) {
	certificate, key := selfSigned(t)
	_, foreign := selfSigned(t)
	read := files{"ca": certificate, "cert": certificate, "both": key + certificate, "key": key, "foreign": foreign, "text": "none", "big": strings.Repeat("a", maxPEM+1)}.read
	for _, test := range []struct {
		name string
		env  string // without the prefix, by spaces
		want string // or the error
		ca   bool
		cert int
	}{
		{"off", "URL=redis://h", "off", false, 0},
		{"authorities of the system", "URL=rediss://h", "on", false, 0},
		{"own authority", "URL=rediss+cluster://h CA=ca", "on", true, 0},
		{"certificate and key", "URL=rediss://h CA=ca CLIENT_CERT=cert CLIENT_KEY_FILE=key", "on", true, 1},
		{"both in one file", "URL=rediss+sentinel://h/m CLIENT_CERT=both", "on", false, 1},
		{"no Redis", "CA=nowhere CLIENT_CERT=nowhere", "off", false, 0},

		{"authority without encryption", "URL=redis://h CA=ca", "redis-ca is set (WSBRIDGE_REDIS_CA), and redis-url (WSBRIDGE_REDIS_URL) asks for no encryption; then it begins with rediss", false, 0},
		{"certificate without encryption", "URL=redis://h CLIENT_CERT=both", "redis-client-cert is set (WSBRIDGE_REDIS_CLIENT_CERT), and redis-url (WSBRIDGE_REDIS_URL) asks for no encryption; then it begins with rediss", false, 0},
		{"key without certificate", "URL=rediss://h CLIENT_KEY_FILE=key", "redis-client-key is set (WSBRIDGE_REDIS_CLIENT_KEY_FILE), and redis-client-cert is not", false, 0},
		{"no file", "URL=rediss://h CA=nowhere", "WSBRIDGE_REDIS_CA: open nowhere: file does not exist", false, 0},
		{"no certificate", "URL=rediss://h CA=text", `WSBRIDGE_REDIS_CA: "text" holds no certificate in PEM`, false, 0},
		{"large file", "URL=rediss://h CA=big", `WSBRIDGE_REDIS_CA: "big" is larger than 1MiB`, false, 0},
		{"certificate without key", "URL=rediss://h CLIENT_CERT=cert", "WSBRIDGE_REDIS_CLIENT_CERT: tls: found a certificate rather than a key in the PEM for the private key", false, 0},
		{"foreign key", "URL=rediss://h CLIENT_CERT=cert CLIENT_KEY_FILE=foreign", "WSBRIDGE_REDIS_CLIENT_CERT: tls: private key does not match public key", false, 0},
	} {
		src := Sources{ReadFile: read}
		for _, variable := range strings.Fields(test.env) {
			src.Environ = append(src.Environ, "WSBRIDGE_REDIS_"+variable)
		}
		c, err := Load(src)
		if err != nil {
			if err.Error() != test.want {
				t.Errorf("%s: error %v\n want %s", test.name, err, test.want)
			}
			continue
		}
		if got := c.RedisTLS; test.want == "off" && got != nil ||
			test.want == "on" && (got == nil || (got.RootCAs != nil) != test.ca || len(got.Certificates) != test.cert) ||
			test.want != "off" && test.want != "on" {
			t.Errorf("%s: %+v, want %s", test.name, got, test.want)
		}
	}
}
