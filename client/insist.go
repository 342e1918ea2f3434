package client

import (
	"context"
	"fmt"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
)

// attempt bounds one try: the server answers within 5 s whatever its broker does.
const attempt = 15 * time.Second

// insist repeats what failed and may succeed, for the client's patience. The error is that of
// ctx, or the last that a repeat met.
func (c *Client) insist(ctx context.Context, try func(context.Context) error) error {
	var wait backoff
	deadline := time.Now().Add(c.options.Patience)
	for {
		err := c.once(ctx, deadline, try)
		if err == nil || ctx.Err() != nil {
			return err
		}
		after, final := wait.after(err, 0)
		if final || time.Now().Add(after).After(deadline) {
			return err
		}
		c.options.OnRetry(err, after)
		if err := sleep(ctx, after); err != nil {
			return err
		}
	}
}

func (c *Client) once(ctx context.Context, deadline time.Time, try func(context.Context) error) error {
	trying, cancel := context.WithTimeout(ctx, min(attempt, max(time.Second, time.Until(deadline))))
	defer cancel()
	err := try(trying)
	switch {
	case err != nil && ctx.Err() != nil:
		return ctx.Err()
	case err != nil && trying.Err() != nil:
		return fmt.Errorf("%w: no answer in time", raw.ErrBroken)
	}
	return err
}
