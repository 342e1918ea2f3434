package transport

import (
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// This file takes what a WebSocket sends: commands, which are obeyed one after the other while
// no more is read, and control frames.

// Input implements [netpoll.Handler]. A command may block, so a worker obeys it, and goes on
// with what came behind it.
func (c *socket) Input(p []byte) (more bool) {
	c.heard.Store(true)
	c.spendBytes(len(p))
	op, command, rest := c.take(p)
	if op == websocket.OpContinuation {
		return true
	}
	if !c.beginWork() {
		return false
	}
	command, rest = append([]byte(nil), command...), append([]byte(nil), rest...) // p is the loop's
	c.server.workers.do(func() {
		c.onMessage(op, command)
		c.obeyAll(rest)
		c.endWork()
		c.line.Resume()
	})
	return false
}

// obeyAll obeys all commands that are whole.
func (c *socket) obeyAll(p []byte) {
	for {
		op, command, rest := c.take(p)
		if op == websocket.OpContinuation {
			return
		}
		c.onMessage(op, command)
		p = rest
	}
}

// take takes bytes up to and with the next message, and does what control frames in front of
// it ask for. Without a message, op is OpContinuation and all bytes are taken.
func (c *socket) take(p []byte) (op websocket.Opcode, message, rest []byte) {
	for len(p) > 0 && !c.deaf {
		n, ev, err := c.in.Next(p)
		p = p[n:]
		if err != nil {
			e := err.(*websocket.ProtocolError)
			c.part(e.Code, e.Reason)
			break
		}
		switch ev.Kind {
		case websocket.EventData:
			return ev.Op, ev.Payload, p
		case websocket.EventPing:
			c.client.Reply(websocket.AppendFrame(nil, websocket.OpPong, true, false, ev.Payload))
		case websocket.EventClose:
			if c.hasSaid() {
				c.deaf = true
				c.finish(wire.CloseCode(ev.Code))
			} else {
				c.part(ev.Code, "")
			}
		}
	}
	return websocket.OpContinuation, nil, nil
}

// maxQueued is how many bytes of answers and messages may wait for the client while its next
// command is obeyed. One that sends and does not read is not read from either.
const maxQueued = 256 << 10

func (c *socket) waitForRoom() {
	for c.client.Queued() > maxQueued && c.ending.Load() == nil {
		if c.room.Load() == nil {
			room := newDoorbell()
			c.room.Store(&room)
			continue // the queue may have got shorter before that
		}
		if c.isGone() {
			break
		}
		<-*c.room.Load()
	}
}

// onMessage obeys a command, in text or with its payload behind it.
func (c *socket) onMessage(op websocket.Opcode, message []byte) {
	c.waitForRoom()
	var command wire.Command
	var bad *wire.CommandError
	if op == websocket.OpText {
		command, bad = wire.ParseCommand(message)
	} else {
		command, bad = wire.ParseBinaryCommand(message)
	}
	if c.ending.Load() != nil {
		return // what it wants now is another connection's
	}
	if !c.spendCommand(command.Ref) {
		return
	}
	var err error
	if bad != nil {
		err = bad
	} else {
		err = c.obey(&command)
	}
	if err != nil {
		c.fail(command.Ref, err)
	}
}

// reply queues an answer.
func (c *socket) reply(write func([]byte) []byte) { c.client.Reply(textFrame(write)) }

// fail answers a command with an error. The connection lives on.
func (c *socket) fail(ref wire.Ref, err error) {
	p := refusal(err)
	if p.Code == problem.Internal {
		c.server.options.Logger.Error("command failed", "transport", webSocket, "error", err)
	}
	c.reply(func(b []byte) []byte { return wire.AppendError(b, ref, string(p.Code), p.Detail, p.Channel) })
}
