package redisbroker

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A refusal says in one line why Start fails for good, and what to do.
type refusal string

func refusalf(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

func (r refusal) Error() string { return "redisbroker: " + string(r) }

// startFailure returns what Start makes of an error. It wraps [pubsub.ErrUnavailable] when
// trying again may help.
func startFailure(err error) error {
	var r refusal
	var untrusted *tls.CertificateVerificationError
	switch {
	case errors.As(err, &r), errors.Is(err, pubsub.ErrUnavailable), errors.Is(err, pubsub.ErrClosed):
		return err
	case errors.As(err, &untrusted):
		return refusalf("the certificate of Redis is not trusted: %v", untrusted.Err)
	case passing(err):
		return fmt.Errorf("%w: %w", pubsub.ErrUnavailable, err)
	}
	text := strings.ReplaceAll(err.Error(), "\n", "; ") // one line for each sentinel
	return refusalf("Redis refuses: %s: check the user, the password and the rights (docs/operations.md)", text)
}
