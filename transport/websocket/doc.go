// Package websocket speaks the WebSocket protocol (RFC 6455) with per-message compression (RFC 7692), as a server and as
// a client. It knows nothing of channels, and imports nothing of this project.
//
// A server takes a connection over in a handler, then reads and writes messages:
//
//	conn, err := websocket.Accept(w, r, nil)
//	if err != nil {
//		return // the refusal was answered
//	}
//	defer conn.CloseNow()
//	for {
//		op, msg, err := conn.ReadMessage(ctx, buf)
//		if err != nil {
//			return
//		}
//		if err := conn.WriteMessage(op, msg); err != nil {
//			return
//		}
//	}
//
// A client does the same behind [Dial]. Messages of any length pass in pieces: [Conn.Next] gives a reader, [Conn.Writer] a
// writer. A message for many connections is framed once with [AppendFrame], or framed and compressed once with
// [AppendDeflatedFrame] for those whose [Conn.TakesDeflatedFrames] is true, and the same bytes are given to each with
// [Conn.WriteFrames], several messages in one write.
//
// # Layers
//
// [CheckHandshake] judges an HTTP request and [Handshake.AppendResponse] writes the answer, neither doing any I/O. [Decoder] turns
// bytes, given to it in pieces of any size, into events; it holds neither a connection nor a buffer, and payloads are unmasked
// where they lie. [Inflater] decompresses a message in memory. On these an event loop can serve any number of idle
// connections out of one buffer and one goroutine. [Conn] is the same for those who would rather block.
//
// # Concurrency and cancellation
//
// One goroutine reads a Conn, any number write to it; frames never mix and a control frame never waits for a message to end.
// A Conn starts no goroutine. Pings are answered, and the peer's close frame is seen, by whoever reads, so somebody should.
//
// A read ends with its context and can be taken up again with another. A write is bounded by Options.WriteTimeout, after
// which the connection is over: a part of a frame may have gone out. [Conn.Close] performs the close handshake within
// Options.CloseTimeout. [Conn.CloseNow] ends everything at once; calling it when done is always right.
//
// # Errors
//
// A peer that closes gives a [CloseError] with its code and reason. A peer that breaks the protocol or a limit gives a
// [ProtocolError] and was told so in a close frame: 1002, 1007 for text that is not UTF-8 and for corrupt compression, 1009
// for what is too long, 1008 for too many fragments. Ends made here wrap net.ErrClosed. [Conn.Err] has the first of them.
//
// # Limits
//
// A message is at most 1 MiB, after decompression, and 65,536 fragments unless [Limits] says otherwise. Opening handshakes are
// bounded by net/http on the server and to 64 KiB by Dial. A Conn holds a read buffer of 4 KiB from its first read on, since a
// blocking read needs somewhere to read to; what writes and compression need is borrowed from pools while they last.
// With context takeover, which is off unless asked for, a connection keeps up to 32 KiB to read and a compressor to write.
package websocket
