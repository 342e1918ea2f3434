// Package client keeps a program connected to a wsbridge server, whatever lies between.
//
//	c, err := client.New("https://bridge.example.com", client.Options{
//		Token: func(ctx context.Context, _ client.Reason) (string, error) { return fetchToken(ctx) },
//	})
//	if err != nil {
//		return err
//	}
//	defer c.Close()
//	orders, err := c.Subscribe(ctx, "orders:42")
//	if err != nil {
//		return err
//	}
//	for e, err := range orders.Events(ctx) {
//		switch {
//		case err != nil:
//			return err // of ctx, or a reason why trying again is no use
//		case e.Gap != nil:
//			reload() // messages are missing, and the server says why
//		default:
//			fmt.Printf("%s\n", e.Message.Data.Bytes)
//		}
//	}
//
// All subscriptions of a [Client] share one connection. A WebSocket is tried first. If it has
// not answered after 2.5 s, server-sent events, HTTP streaming and long polling are tried at
// once, and plain polling last; what worked is where the next connection begins. On a lesser
// transport the better ones are tried again in the background, and the client moves up without
// a pause. Streams on which no heartbeat comes are held back by something between, and are left
// for long polling.
//
// A connection that ends is followed by another one, from the position of each channel: a
// message is given once and in the order of its channel, or a [Gap] says what is missing. The
// pause before is random, and longer each time; what the server says of it counts.
//
// [Client.Publish] publishes under an idempotency key, so that it may be repeated, and
// [Client.History] reads what is kept. [Client.SendStream] and [Client.OpenStream] relay what is of
// any length. With [Options.APIKey] all of them speak as a backend.
//
// # Cancelling
//
// The context of a method bounds that call alone: a subscription lives until
// [Subscription.Close], or until the client is closed. [Client.Close] waits for every goroutine
// of the client.
//
// # Limits
//
// A subscription holds 256 events or 1 MiB that were not taken. When it is full the client
// reads no further, so that the server sees a slow client; if there are other subscriptions it
// waits a second at most, then leaves the slow one behind, and reads for it from the log once
// everything was taken. A client follows 1,000 channels on a WebSocket, 100 on other transports.
//
// Package [github.com/wsbridge/wsbridge/client/raw] is one connection without all that.
package client
