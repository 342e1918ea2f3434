package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/pubsub"
)

type tokenCommand struct {
	User string `arg:"" help:"Whose token it is: sub."`

	Can     map[string]string `help:"What the user may do: PATTERN=OPERATION,... out of subscribe, publish, history, presence." placeholder:"PATTERN=OPERATIONS" mapsep:"none"`
	Channel []string          `help:"Channels that are joined at connect." placeholder:"NAME"`
	TTL     time.Duration     `help:"How long it lasts." default:"1h" name:"ttl"`
	ID      string            `help:"Its jti." name:"id"`

	settings `kong:"-"`
	kong.Plugins
}

func (c *tokenCommand) Run(t *terminal) error {
	cfg, err := c.load(t, false)
	if err != nil {
		return err
	}
	tokens, err := auth.NewTokens(auth.TokenOptions{Keys: cfg.TokenKeys})
	if err != nil {
		return err
	}
	claims := auth.Claims{User: c.User, ID: c.ID, Capabilities: make(map[string]auth.Op)}
	for pattern, names := range c.Can {
		ops, err := operationsOf(names)
		if err != nil {
			return err
		}
		claims.Capabilities[pattern] = ops
	}
	for _, name := range c.Channel {
		claims.Channels = append(claims.Channels, pubsub.Channel(name))
	}
	token, expires, err := tokens.Sign(claims, c.TTL, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(t.err, "wsbridge: for %s, until %s\n", c.User, expires.Format(time.RFC3339))
	_, err = fmt.Fprintln(t.out, token)
	return err
}

// operationsOf reads names between commas.
func operationsOf(names string) (ops auth.Op, err error) {
	for name := range strings.SplitSeq(names, ",") {
		op, err := auth.ParseOp(name)
		if err != nil {
			return 0, err
		}
		ops |= op
	}
	return ops, nil
}
