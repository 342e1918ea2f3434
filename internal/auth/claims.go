package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Limits of what a token says.
const (
	MaxUser          = 128 // bytes of sub
	MaxPatterns      = 100 // in capabilities
	MaxTokenChannels = 100 // in channels
	maxTokenID       = 255 // bytes of jti
)

// Claims are what a token says about its user. The JSON is the one inside tokens.
type Claims struct {
	User         string           `json:"sub"`
	Capabilities map[string]Op    `json:"capabilities,omitempty"` // by channel pattern
	Channels     []pubsub.Channel `json:"channels,omitempty"`     // joined at connect
	ID           string           `json:"jti,omitempty"`
}

// ErrClaims says that claims break a rule. The wrapped text tells which.
var ErrClaims = errors.New("bad claims")

func badClaim(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrClaims}, args...)...)
}

// Check holds the claims against their limits.
func (c *Claims) Check() error {
	_, err := c.identity()
	return err
}

// identity checks the claims and turns them into what they allow.
func (c *Claims) identity() (*Identity, error) {
	switch {
	case c.User == "" || len(c.User) > MaxUser:
		return nil, badClaim("sub has 1 to %d bytes, this one %d", MaxUser, len(c.User))
	case strings.ContainsRune(c.User, utf8.RuneError):
		// Decoding JSON turns every broken byte and lone surrogate into this rune, which
		// would make one user of several.
		return nil, badClaim("sub is not UTF-8")
	case len(c.Capabilities) > MaxPatterns:
		return nil, badClaim("capabilities name %d patterns, at most %d are allowed", len(c.Capabilities), MaxPatterns)
	case len(c.Channels) > MaxTokenChannels:
		return nil, badClaim("channels are %d, at most %d are allowed", len(c.Channels), MaxTokenChannels)
	case len(c.ID) > maxTokenID:
		return nil, badClaim("jti has %d bytes, at most %d are allowed", len(c.ID), maxTokenID)
	}
	id := &Identity{User: c.User, TokenID: c.ID, Channels: slices.Clone(c.Channels)}
	// In order, so that of several mistakes the same one is named each time.
	for _, text := range slices.Sorted(maps.Keys(c.Capabilities)) {
		p, err := parsePattern(text)
		if err != nil {
			return nil, badClaim("capabilities: %w", err)
		}
		id.grants = append(id.grants, grant{p, c.Capabilities[text]})
	}
	for _, name := range c.Channels {
		channel, err := pubsub.ParseChannel(string(name))
		if err != nil {
			return nil, badClaim("channels: %w", err)
		}
		id.grants = append(id.grants, grant{pattern{head: string(channel)}, Subscribe})
	}
	// A name of many bytes that have to be escaped is too long for a channel. Its user
	// has no personal one, and may do everything else.
	id.personal, _ = pubsub.UserChannel(c.User)
	return id, nil
}

// claimSet is the payload of a token before anything is believed. Names are compared
// exactly, which decoding into a struct would not do.
type claimSet map[string]json.RawMessage

func (s claimSet) claims() (Claims, error) {
	var c Claims
	for _, claim := range []struct {
		name, want string
		into       any
	}{
		{"sub", "a string", &c.User},
		{"jti", "a string", &c.ID},
		{"channels", "a list of channel names", &c.Channels},
		{"capabilities", "a map from channel patterns to lists of operations", &c.Capabilities},
	} {
		raw, given := s[claim.name]
		if !given {
			continue
		}
		err := json.Unmarshal(raw, claim.into)
		if wrong := (*json.UnmarshalTypeError)(nil); errors.As(err, &wrong) {
			return c, badClaim("%s is not %s", claim.name, claim.want)
		} else if err != nil {
			return c, badClaim("%s: %w", claim.name, err)
		}
	}
	return c, nil
}

// maxDate is the last second of the year 9999, the last one that RFC 3339 can write.
const maxDate = 253402300799

// date reads a NumericDate (RFC 7519, section 2): seconds since 1970, also broken ones.
func (s claimSet) date(name string) (*jwt.NumericDate, error) {
	raw, given := s[name]
	if !given {
		return nil, nil
	}
	var seconds *float64
	if err := json.Unmarshal(raw, &seconds); err != nil || seconds == nil || *seconds < 0 || *seconds > maxDate {
		return nil, badClaim("%s is no time in seconds since 1970", name)
	}
	return &jwt.NumericDate{Time: time.UnixMilli(int64(*seconds * 1000))}, nil
}

// The methods of jwt.Claims. Issuer and audience are not looked at.

func (s claimSet) GetExpirationTime() (*jwt.NumericDate, error) { return s.date("exp") }
func (s claimSet) GetNotBefore() (*jwt.NumericDate, error)      { return s.date("nbf") }
func (s claimSet) GetIssuedAt() (*jwt.NumericDate, error)       { return nil, nil }
func (s claimSet) GetIssuer() (string, error)                   { return "", nil }
func (s claimSet) GetSubject() (string, error)                  { return "", nil }
func (s claimSet) GetAudience() (jwt.ClaimStrings, error)       { return nil, nil }
