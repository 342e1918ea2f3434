package api

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
)

const (
	tokenBody   = 64 << 10 // bytes of a request for a token
	defaultTTL  = time.Hour
	maxTTL      = 30 * 24 * time.Hour
	minTTL      = time.Second
	ttlExamples = `a time such as "90s", "15m" or "1h"`
)

// signToken serves POST /v1/tokens: a token for a client, for development and for backends
// that cannot sign by themselves.
func (s *server) signToken(w http.ResponseWriter, r *http.Request) {
	claims, ttl, err := readClaims(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if s.Sign == nil {
		s.fail(w, r, errNoTokenKeys)
		return
	}
	token, expires, err := s.Sign(claims, ttl)
	if err != nil {
		s.fail(w, r, claimsError(err))
		return
	}
	s.answer(w, r, http.StatusCreated, struct {
		Token   string `json:"token"`
		Expires string `json:"expires"`
	}{token, expires.UTC().Format(time.RFC3339)})
}

var errNoTokenKeys = problem.New(problem.NotSupported, "this server has no key to sign tokens with (WSBRIDGE_TOKEN_KEYS)")

func claimsError(err error) error {
	switch {
	case errors.Is(err, auth.ErrNoKeys):
		return errNoTokenKeys
	case errors.Is(err, auth.ErrClaims):
		return problem.New(problem.BadRequest, "%s", strings.TrimPrefix(err.Error(), auth.ErrClaims.Error()+": "))
	}
	return err
}

// readClaims reads what a token is to say, and for how long.
func readClaims(w http.ResponseWriter, r *http.Request) (c auth.Claims, ttl time.Duration, err error) {
	if _, err = query(r); err != nil {
		return
	}
	if err = requireJSON(r.Header); err != nil {
		return
	}
	body, err := readBody(w, r, tokenBody)
	if err != nil {
		return
	}
	return parseClaims(body)
}

func parseClaims(text []byte) (c auth.Claims, ttl time.Duration, err error) {
	var o object
	if err := o.parse(text, "sub", "capabilities", "channels", "ttl"); err != nil {
		return c, 0, err
	}
	if !o.has("sub") {
		o.fail("the field sub is missing: whose token it is")
	}
	c.User = o.text("sub")
	o.decode("capabilities", `a map from channel patterns to lists out of subscribe, publish, history, presence, such as {"orders:*":["subscribe"]}`, &c.Capabilities)
	o.decode("channels", "a list of channels", &c.Channels)
	ttl = o.ttl()
	if o.err != nil {
		return c, 0, o.err
	}
	return c, ttl, claimsError(c.Check())
}

func (o *object) ttl() time.Duration {
	if !o.has("ttl") {
		return defaultTTL
	}
	ttl, err := time.ParseDuration(o.text("ttl"))
	switch {
	case err != nil:
		o.fail("ttl must be %s", ttlExamples)
	case ttl < minTTL || ttl > maxTTL:
		o.fail("ttl must be from %v to %v", minTTL, maxTTL)
	}
	return ttl
}
