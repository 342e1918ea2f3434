// Package wire is the client protocol of wsbridge as data: what clients and server say
// to each other, in bytes. The server's transports write with it what clients read with
// it, so one package holds both sides of every shape. docs/protocol.md is its prose.
//
// A conversation over a WebSocket, client on the left:
//
//	{"type":"connect","ref":1,"token":"…"}
//	                          {"type":"ok","ref":1}
//	                          {"type":"welcome","client":"c7","user":"ann","heartbeat":25}
//	{"type":"subscribe","ref":2,"channel":"orders:42","since":"k3Jx9Qa0-7-1f0c22ab"}
//	                          {"type":"subscribed","ref":2,"channel":"orders:42","pos":"k3Jx9Qa0-7-1f0c22ab"}
//	                          {"type":"message","channel":"orders:42","id":"…","pos":"k3Jx9Qa0-8-5d0e91c4",…}
//
// Writing is by functions that append to a slice, as in package strconv, with
// [AppendMessage] at the centre: it is called once per message and form, and what it
// wrote goes to every subscriber. The forms are those of the transports:
//
//	Append…       the bare JSON object: poll answers, history
//	Append…Event  a text frame of a WebSocket; AppendMessageFrame a binary one
//	Append…Line   a line of the HTTP stream
//	Append…SSE    an event of server-sent events, without its id
//
// Reading is [ParseCommand], [ParseQuery] and [ParseBody] on the server, [ParseEvent],
// [ParseFrame], [ParseSSE] and [ParseAnswer] on the client. Nothing they return aliases
// their input. Unknown members are ignored, so that either side may learn new ones first.
//
// Limits: JSON from outside nests at most [MaxDepth] deep, a ref has [MaxRef] bytes, a
// command names [MaxChannels] channels. The size of a frame or body is bounded by whoever
// reads it from the network; memory used here is proportional to it.
package wire
