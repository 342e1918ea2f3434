package chaos

import (
	"syscall"
	"time"

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
		r.whisper()
		r.traffic(1000)
		r.settle()
		r.pass(r.between(0, time.Second))
		r.crash(i)
		r.pass(r.between(0, 2*time.Second))
		i.start()
		r.healed()
		r.whisper()
		r.caughtUp("after the restart")
	},
}

// crash kills an instance.
func (r *run) crash(i *instance) {
	r.t.Helper()
	alive := !i.proc.ended()
	i.proc.kill()
	status, _ := i.proc.cmd.ProcessState.Sys().(syscall.WaitStatus)
	r.prove(alive && status.Signaled() && status.Signal() == syscall.SIGKILL, "%s died at once", i.addr)
}
