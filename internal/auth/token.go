package auth

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// MaxToken is the longest token, in bytes.
	MaxToken = 8 << 10

	// Leeway is how far the clocks of those who sign may be off.
	Leeway = 30 * time.Second

	// MinTokenKey is the shortest key, in bytes: as long as the hash (RFC 7518, section 3.2).
	MinTokenKey = 32

	// MaxTTL is the longest that Sign makes a token last.
	MaxTTL = 366 * 24 * time.Hour
)

// TokenOptions say how tokens are checked. The zero value takes no token and allows
// anonymous clients nothing.
type TokenOptions struct {
	// Keys verify tokens, all of them; the first signs. Each has at least [MinTokenKey]
	// bytes. Default: none, every token is refused.
	Keys []Secret

	// Anonymous tells what a namespace allows to everyone. Default: nothing.
	Anonymous func(namespace string) Op

	// Everything lets everyone do everything, with a token or without, for --dev.
	Everything bool
}

// Tokens verifies and signs the tokens of clients: JWTs (RFC 7519) with HS256.
type Tokens struct {
	opts TokenOptions
	key  jwt.Keyfunc // holds the keys in a form that package fmt cannot print
}

// ErrNoKeys says that there is no key to sign or verify with.
var ErrNoKeys = errors.New("no token keys are configured")

// NewTokens fails when a key is too short.
func NewTokens(opts TokenOptions) (*Tokens, error) {
	var keys jwt.VerificationKeySet
	for i, key := range opts.Keys {
		if key.Len() < MinTokenKey {
			return nil, fmt.Errorf("token key %d has %d bytes, at least %d are needed", i+1, key.Len(), MinTokenKey)
		}
		keys.Keys = append(keys.Keys, []byte(key.Reveal()))
	}
	return &Tokens{opts, func(token *jwt.Token) (any, error) {
		// https://www.rfc-editor.org/rfc/rfc7515#section-4.1.11: extensions that must be
		// understood, and none is.
		if _, critical := token.Header["crit"]; critical {
			return nil, errCritical
		}
		return keys, nil
	}}, nil
}

var errCritical = errors.New("critical header")

// Anonymous returns the identity of clients that show no token.
func (t *Tokens) Anonymous() *Identity { return t.allow(&Identity{}) }

func (t *Tokens) allow(id *Identity) *Identity {
	id.public, id.all = t.opts.Anonymous, t.opts.Everything
	return id
}

// A TokenError says why a token is refused.
type TokenError struct {
	// Expired: nothing but the time is wrong with it, so a fresh one will do.
	Expired bool

	// Detail is a sentence for whoever made the token. It holds no part of the
	// signature, and nothing of the claims unless the signature is right.
	Detail string
}

func (e *TokenError) Error() string { return "bad token: " + e.Detail }

func invalid(detail string) error { return &TokenError{Detail: detail} }

// invalidClaims is invalid, for a token that is ours.
func invalidClaims(err error) error {
	return invalid(strings.TrimPrefix(err.Error(), ErrClaims.Error()+": "))
}

// Verify returns whose token it is. The error is a [*TokenError].
func (t *Tokens) Verify(token string, now time.Time) (*Identity, error) {
	switch {
	case len(t.opts.Keys) == 0:
		return nil, invalid(ErrNoKeys.Error())
	case token == "":
		return nil, invalid("it is empty")
	case len(token) > MaxToken:
		return nil, invalid(fmt.Sprintf("it has %d bytes, at most %d are allowed", len(token), MaxToken))
	}
	var set claimSet
	_, err := jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodHS256.Alg()}),
		jwt.WithExpirationRequired(),
		jwt.WithLeeway(Leeway),
		jwt.WithTimeFunc(func() time.Time { return now }),
		jwt.WithStrictDecoding(),
	).ParseWithClaims(token, &set, t.key)
	// Signatures are checked before times, so an expired token is one of ours.
	expired := errors.Is(err, jwt.ErrTokenExpired) && !errors.Is(err, jwt.ErrTokenNotValidYet) && !errors.Is(err, ErrClaims)
	if err != nil && !expired {
		return nil, refusal(err)
	}
	claims, err := set.claims()
	if err != nil {
		return nil, invalidClaims(err)
	}
	id, err := claims.identity()
	if err != nil {
		return nil, invalidClaims(err)
	}
	exp, err := set.GetExpirationTime()
	if err != nil {
		return nil, invalidClaims(err)
	}
	if expired {
		return nil, &TokenError{Expired: true, Detail: "it expired at " + exp.UTC().Format(time.RFC3339)}
	}
	// The leeway counts while connected as it does at the door: else a client whose
	// connection was closed would be let in again with the same token.
	id.Expires = exp.Add(Leeway)
	return t.allow(id), nil
}

// refusal says in a sentence what the parser found. The first that applies is named.
func refusal(err error) error {
	switch {
	case errors.Is(err, errCritical):
		return invalid("its header names extensions in crit, and none is known")
	case errors.Is(err, jwt.ErrTokenMalformed):
		return invalid("it is not a JWT")
	case errors.Is(err, jwt.ErrTokenUnverifiable), errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return invalid("it is not signed with HS256 and one of the token keys")
	case errors.Is(err, ErrClaims):
		return invalid("exp or nbf is no time in seconds since 1970")
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return invalid("exp is missing")
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return invalid("it is not valid yet, says its nbf")
	}
	return invalid("it cannot be verified")
}

// Sign returns a token that says c and lasts for ttl, at least a second and at most
// [MaxTTL], and the time in it. The error is, or wraps, [ErrNoKeys] or [ErrClaims].
func (t *Tokens) Sign(c Claims, ttl time.Duration, now time.Time) (token string, expires time.Time, err error) {
	if len(t.opts.Keys) == 0 {
		return "", time.Time{}, ErrNoKeys
	}
	if ttl < time.Second || ttl > MaxTTL {
		return "", time.Time{}, badClaim("a token lasts from %v to %v, not %v", time.Second, MaxTTL, ttl)
	}
	if err := c.Check(); err != nil {
		return "", time.Time{}, err
	}
	expires = now.Add(ttl).UTC().Truncate(time.Second)
	payload := jwt.MapClaims{"sub": c.User, "iat": now.Unix(), "exp": expires.Unix()}
	if len(c.Capabilities) > 0 {
		payload["capabilities"] = c.Capabilities
	}
	if len(c.Channels) > 0 {
		payload["channels"] = c.Channels
	}
	if c.ID != "" {
		payload["jti"] = c.ID
	}
	token, err = jwt.NewWithClaims(jwt.SigningMethodHS256, payload).SignedString([]byte(t.opts.Keys[0].Reveal()))
	if err != nil {
		return "", time.Time{}, err
	}
	if len(token) > MaxToken {
		return "", time.Time{}, badClaim("the token would have %d bytes, at most %d are allowed", len(token), MaxToken)
	}
	return token, expires, nil
}
