package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/wsbridge/wsbridge/internal/auth"
)

// maxPEM bounds a file with certificates, in bytes: the authorities of a whole system take
// some 200 KiB.
const maxPEM = 1 << 20

// redisTLS makes of the settings what connections to Redis are encrypted with.
func (c *Config) redisTLS(src Sources) error {
	switch {
	case c.RedisURL == nil:
		return nil
	case !c.RedisURL.TLS:
		for _, name := range []string{"redis-ca", "redis-client-cert", "redis-client-key"} {
			if c.Given(name) {
				return fmt.Errorf("%s is set (%s), and redis-url (%s) asks for no encryption; then it begins with rediss",
					name, c.where(name), c.where("redis-url"))
			}
		}
		return nil
	}
	c.RedisTLS = &tls.Config{MinVersion: tls.VersionTLS12}
	if c.RedisCA != "" {
		authorities, err := readPEM(src, c.RedisCA)
		if err == nil {
			c.RedisTLS.RootCAs = x509.NewCertPool()
			if !c.RedisTLS.RootCAs.AppendCertsFromPEM(authorities) {
				err = fmt.Errorf("%s holds no certificate in PEM", quote(c.RedisCA))
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.where("redis-ca"), err)
		}
	}
	if c.RedisClientCert == "" {
		if c.Given("redis-client-key") {
			return fmt.Errorf("redis-client-key is set (%s), and redis-client-cert is not", c.where("redis-client-key"))
		}
		return nil
	}
	own, err := clientCertificate(src, c.RedisClientCert, c.RedisClientKey)
	if err != nil {
		return fmt.Errorf("%s: %w", c.where("redis-client-cert"), err)
	}
	c.RedisTLS.Certificates = []tls.Certificate{own}
	return nil
}

// clientCertificate reads a certificate and, unless it is given, its key from one file.
func clientCertificate(src Sources, path string, key auth.Secret) (tls.Certificate, error) {
	chain, err := readPEM(src, path)
	if err != nil {
		return tls.Certificate{}, err
	}
	private := chain
	if key.Len() > 0 {
		private = []byte(key.Reveal())
	}
	return tls.X509KeyPair(chain, private)
}

func readPEM(src Sources, path string) ([]byte, error) {
	data, err := src.ReadFile(path, maxPEM+1)
	if err == nil && len(data) > maxPEM {
		err = fmt.Errorf("%s is larger than %s", quote(path), size(maxPEM))
	}
	return data, err
}

type pathValue struct{ p *string }

func (v pathValue) set(text string) error {
	if text == "" {
		return errors.New("it is empty; write the path of a file")
	}
	*v.p = text
	return nil
}

func (v pathValue) text() string { return *v.p }

// A pemValue is a private key.
type pemValue struct{ p *auth.Secret }

func (v pemValue) set(text string) error {
	if text == "" {
		return errors.New("it is empty; write a private key in PEM")
	}
	*v.p = auth.NewSecret(text)
	return nil
}

func (v pemValue) text() string {
	if v.p.Len() == 0 {
		return ""
	}
	return "not shown"
}
