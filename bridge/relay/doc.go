// Package relay passes the bytes of streams on while they arrive: files of any length, text
// that is still being written.
//
//	r := relay.New(relay.Options{Exchange: broker})
//	out, err := r.Send(ctx, relay.Info{Channel: "chat:1", Name: "a.pdf", Size: -1}, "ann")
//	err = out.Write(ctx, piece)                  // waits for consumers, within bounds
//	out.Complete()                               // or out.Cut(relay.BySender)
//
//	in, err := r.Join(id, 0, wake)               // on any instance
//	n, offset, err := in.Take(buf)               // never blocks; or in.Read(ctx, buf)
//	in.Close()
//	r.Close()
//
// # Pacing
//
// Each stream has a window of its last bytes ([Options.Window]), and nothing else of it is
// held. The sender waits while a consumer has not taken what would have to leave the window,
// so it goes as fast as the slowest of them. A consumer is cut, and told so by a [CutError],
// when it takes nothing for [Options.Stall] although there is something for it, or when it has
// held up others for as long in all: it was far behind while the sender waited and somebody
// else had taken everything. One who is alone may be as slow as it likes.
//
// # Over instances
//
// The instance that receives a stream, its origin, leaves a record of it with the
// [pubsub.Exchange]. Another one that is asked for the stream mirrors it: it asks the origin for
// more whenever its own consumers have taken something. Nothing of a stream is stored elsewhere.
//
// # Cancelling and limits
//
// Contexts bound Send, Write, Read and Ready. Close cuts everything and waits for the goroutines
// of the package: one for each mirror, one for each mirror elsewhere that is fed, one for all.
// Consumers cost none. All windows together are bounded ([Options.Memory]), and so is how many
// send and consume.
package relay
