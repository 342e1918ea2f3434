package chaos

import (
	"syscall"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
)

// embedded: without Redis there is one instance, and its logs die with it.
var embedded = scenario{
	name:  "embedded broker killed",
	lossy: []pubsub.Reason{pubsub.Replaced},
	loses: true,
	play: func(r *run) {
		i := newInstance(r.t, r.flaw)
		r.instances = []*instance{i}
		r.open(r.anyBalancer())
		r.calmBefore()
		r.crash(i)
		r.pass(r.between(0, 2*time.Second))
		i.start()
		r.calmAfter()
	},
}

// crashed: instances die at once, one after the other.
var crashed = scenario{name: "an instance killed", play: func(r *run) {
	redis := redistest.Start(r.t)
	r.start(single(redis))
	r.calmBefore()
	for range 3 {
		i := r.instances[r.rng.IntN(len(r.instances))]
		r.pass(r.between(0, 500*time.Millisecond))
		r.crash(i)
		r.whisper()
		r.pass(r.between(0, time.Second))
		i.start()
	}
	r.calmAfter()
}}

// rolling: all instances are restarted, one after the other, as for a new version.
var rolling = scenario{name: "rolling restart", play: func(r *run) {
	redis := redistest.Start(r.t)
	r.start(single(redis))
	r.calmBefore()
	for _, i := range r.instances {
		status := i.proc.terminate()
		r.prove(status == 0, "%s stopped with status %d", i.addr, status)
		i.start()
		r.whisper()
	}
	r.calmAfter()
}}

// crash kills an instance.
func (r *run) crash(i *instance) {
	r.t.Helper()
	alive := !i.proc.ended()
	i.proc.kill()
	status, _ := i.proc.cmd.ProcessState.Sys().(syscall.WaitStatus)
	r.prove(alive && status.Signaled() && status.Signal() == syscall.SIGKILL, "%s died at once", i.addr)
}
