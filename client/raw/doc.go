// Package raw receives and publishes messages of a wsbridge server.
//
//	for e, err := range raw.Listen(ctx, raw.Options{
//		URL:      "https://bridge.example.com",
//		Channels: []pubsub.Channel{"orders:42"},
//	}) {
//		if err != nil {
//			return err // the context's, or a reason why trying again is no use
//		}
//		if e.Message != nil {
//			fmt.Printf("%s\n", e.Message.Data.Bytes)
//		}
//	}
//
// [Listen] reconnects by itself, behind what it gave. [Open] is one connection of one
// [Transport] and reports everything that happens on it, for tests and for those who want
// to decide themselves. [Publish] publishes, as a backend with an API key or as a client
// with a token, and repeats what went wrong under one idempotency key.
//
// # Cancelling
//
// The context of Listen and Publish bounds all they do. That of Open bounds the opening
// only; [Line.Next] takes one of its own, and [Line.Close] ends the line. A line runs one
// goroutine, which Close waits for.
//
// # Limits
//
// A line holds one event that was not taken yet, or the events of one poll's answer, and
// reads no further: who does not call Next is seen by the server as a slow client. An event
// or answer above [Options.MaxEvent] ends the line. A Listener keeps nothing but its cursor.
package raw
