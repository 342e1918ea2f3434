package transport

import (
	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/internal/wheel"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// This file is what there was no room for on the line of an outlet.

// put writes b, or keeps what there is no room for.
func (o *outlet) put(b []byte) outcome {
	switch {
	case len(b) == 0:
		return resting
	case len(o.unsent) > 0:
		o.unsent = append(o.unsent, b...)
		return full
	}
	n, err := o.line.Write(b)
	if err != nil {
		o.finish(closeAbnormal)
		return over
	}
	if n == len(b) {
		return resting
	}
	o.unsent = append([]byte(nil), b[n:]...)
	o.stalled()
	return full
}

// writeUnsent writes what there was no room for.
func (o *outlet) writeUnsent() outcome {
	if len(o.unsent) == 0 {
		return resting
	}
	n, err := o.line.Write(o.unsent)
	if err != nil {
		o.finish(closeAbnormal)
		return over
	}
	o.unsent = o.unsent[n:]
	if len(o.unsent) > 0 {
		if n > 0 {
			o.stalled()
		}
		return full
	}
	o.unsent = nil
	o.mu.Lock()
	stall := o.stall
	o.stall = nil
	o.mu.Unlock()
	if stall != nil {
		o.server.wheel.Stop(stall)
	}
	return resting
}

// stalled gives the client writeTimeout from now on to take more.
func (o *outlet) stalled() {
	o.mu.Lock()
	if o.stall == nil {
		o.stall = &wheel.Entry{Func: func() {
			o.end(endingOf(bridge.ErrTooSlow))
			o.finish(wire.CloseTooSlow)
		}}
	}
	stall := o.stall
	o.mu.Unlock()
	o.server.wheel.Schedule(stall, writeTimeout)
	if o.isGone() {
		o.server.wheel.Stop(stall) // finish may have come before it was there
	}
}
