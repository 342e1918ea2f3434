package load

import "context"

// Connects opens WebSockets as fast as it may, each subscribed, and keeps them open. Then one
// message a channel shows that each is there.
var Connects = Workload{Name: "connects", Transport: "WebSocket", open: openSocket, once: true, publish: toEachChannel}

// toEachChannel publishes one message to each channel.
func toEachChannel(ctx context.Context, r *run) error {
	conn := &requester{target: r.target}
	defer conn.close()
	start := r.now()
	defer func() { r.publishTime = r.now() - start }()
	for _, c := range r.channels {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := r.publishOne(ctx, conn, c, r.now()); err != nil {
			return err
		}
	}
	return nil
}
