// Package transport is how clients meet a [bridge.Bridge] over HTTP: WebSocket, server-sent
// events, streaming HTTP, long polling and polling, and commands by POST. A cursor from one
// is good on every other.
//
//	b := bridge.New(broker, bridge.Options{})
//	s := transport.New(b, transport.Options{Authenticate: verify})
//	mux.Handle("/v1/ws", s.CheckOrigin(http.HandlerFunc(s.WebSocket)))
//	mux.Handle("/v1/poll", s.CheckOrigin(http.HandlerFunc(s.Poll)))
//	…
//	err := s.Drain(ctx, 10*time.Second) // everyone is sent elsewhere
//	err = s.Close()                     // before the bridge's
//
// # The way of a message
//
// The bridge puts a message into the queues of the clients that follow its channel and wakes
// their consumers. A consumer pulls what waits, takes the bytes that the message has in its
// form (made once for all clients, see forms.go), and writes them together. Transports differ
// in nothing but that form and in when they stop:
//
//	poll.go        pulls until there is something, answers, is done; held.go holds one that waits
//	stream.go      writes until the client leaves; sse.go and httpstream.go are its two forms
//	socket.go      a WebSocket: inlet.go obeys its commands
//	outlet.go      takes and writes when there is something, for streams and WebSockets, and
//	               holds no goroutine while there is not
//
// Before that, admission.go reads what the client shows and decides whether it is let in.
// session.go is what all connected clients have in common. dispatch.go leads to the commands,
// each in a file of its own.
//
// # Cancelling and limits
//
// Every connection ends by one call, session.end, with a close code of docs/protocol.md,
// whether its token expired, it was too slow, or the server drains. No client has a timer of
// its own: one timing wheel serves all. A write that gets nowhere for 30 s ends its
// connection, and so does a queue that stays full (see package bridge).
//
// Goroutines: the wheel's; a pump and a loop of the poller for each processor; workers, while
// there is something that may block. Connections that the system's poller cannot watch have one
// that reads, and one that writes while there is something. [Server.Close] waits for all of them
// and for the handlers.
package transport
