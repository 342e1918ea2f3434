package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport"
)

// operations are what transports call the operations of package auth.
var operations = map[transport.Operation]auth.Op{
	transport.Subscribe: auth.Subscribe,
	transport.Publish:   auth.Publish,
	transport.History:   auth.History,
	transport.Presence:  auth.Presence,
}

// authenticate lets transports ask whose token it is.
func authenticate(tokens *auth.Tokens) func(token string) (transport.Identity, error) {
	anonymous := identity(tokens.Anonymous()) // all of them share it
	return func(token string) (transport.Identity, error) {
		if token == "" {
			return anonymous, nil
		}
		id, err := tokens.Verify(token, time.Now())
		if err == nil {
			return identity(id), nil
		}
		reason := transport.ErrTokenInvalid
		if bad := (*auth.TokenError)(nil); errors.As(err, &bad) && bad.Expired {
			reason = transport.ErrTokenExpired
		}
		return transport.Identity{}, fmt.Errorf("%w: %w", reason, err)
	}
}

func identity(id *auth.Identity) transport.Identity {
	return transport.Identity{
		User:     id.User,
		Channels: id.Channels,
		Expires:  id.Expires,
		May:      func(op transport.Operation, c pubsub.Channel) bool { return id.May(operations[op], c) },
	}
}
