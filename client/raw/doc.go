// Package raw is one connection of a client to a wsbridge server, of one transport, as it is:
//
//	line, err := raw.Open(ctx, raw.Options{
//		URL:       "https://bridge.example.com",
//		Transport: raw.SSE,
//		Channels:  []pubsub.Channel{"orders:42"},
//	})
//	if err != nil {
//		return err
//	}
//	defer line.Close()
//	for {
//		e, err := line.Next(ctx)
//		if err != nil {
//			return err // the line is over, and does not come back
//		}
//		if e.Message != nil {
//			fmt.Printf("%s\n", e.Message.Data.Bytes)
//		}
//	}
//
// It is for tests of servers, whom it holds to the protocol, and for those who want to decide
// by themselves what follows. A program that just wants its messages uses package client, which
// is built on this one. [Ask] sends one request that is no line.
//
// # Cancelling
//
// The context of [Open] bounds the opening only; [Line.Next] takes one of its own, and
// [Line.Close] ends the line. A line runs one goroutine, which Close waits for.
//
// # Limits
//
// A line holds one event that was not taken yet, or the events of one poll's answer, and
// reads no further: who does not call Next is seen by the server as a slow client. An event
// or answer above [Options.MaxEvent] ends the line.
package raw
