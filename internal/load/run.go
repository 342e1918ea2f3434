package load

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// A run is one execution of a workload.
type run struct {
	Options
	workload Workload
	target   *target
	token    string // of the clients
	payloads *payloads
	began    time.Time
	channels []*channel
	clients  []*subscriber
	window   *window // nil: publications come at a rate

	following sync.WaitGroup // one goroutine a client
	ending    atomic.Bool    // connections end because the run does

	connects, publishes, deliveries histogram
	connectFailed, publishFailed    atomic.Int64
	connectTime, publishTime        time.Duration
	published                       time.Duration // when publishing began
	cores                           float64       // that publishing and receiving took here
	expected                        atomic.Int64  // deliveries of what was published
	lastDelivery                    atomic.Int64  // nanoseconds since began
	ended                           string        // why publishing ended early
	counts                          counts
	reasons                         reasons
}

// counts are what clients saw that they should not have.
type counts struct {
	doubled, outOfOrder, damaged, gaps, closed atomic.Int64
}

// Run puts a server under a workload. The report is there, with what was measured until then,
// also when ctx ended before the workload did, which sets Report.Interrupted, or the server refused
// to go on, which Report.Ended tells. The error is why there is nothing to report.
func Run(ctx context.Context, w Workload, o Options) (*Report, error) {
	if err := o.complete(w); err != nil {
		return nil, err
	}
	r := &run{Options: o, workload: w, began: time.Now()}
	var err error
	if r.target, err = newTarget(o.URL, o.Remote); err != nil {
		return nil, err
	}
	id := newRunID()
	r.payloads = newPayloads(id, o.Size)
	if r.token, err = access(ctx, r.target, &o, id); err != nil {
		return nil, err
	}
	if o.Window > 0 && !w.once {
		r.window = newWindow(o.Window)
	}
	for i := range o.Channels {
		r.channels = append(r.channels, &channel{index: i, name: fmt.Sprintf("%s:%s-%d", o.Namespace, id, i), window: r.window})
	}
	for i := range o.Clients {
		r.clients = append(r.clients, &subscriber{run: r, channel: r.channels[i%o.Channels]})
	}
	stop := r.watch()
	defer stop()
	if err := r.connect(ctx); err != nil && ctx.Err() == nil {
		r.end()
		return nil, err
	}
	for _, s := range r.clients {
		if s.line != nil {
			s.channel.subscribers++
		}
	}
	if ctx.Err() == nil {
		r.published = r.now()
		taken := processorTime()
		if err := w.publish(ctx, r); err != nil && ctx.Err() == nil {
			if r.publishes.total.Load() == 0 {
				r.end()
				return nil, err
			}
			r.ended = err.Error()
		}
		r.cores = (processorTime() - taken).Seconds() / (r.now() - r.published).Seconds()
		r.settle(ctx)
	}
	r.end()
	stop()
	return r.report(ctx.Err() != nil), nil
}

// silent reports whether nothing has come for a time.
func (r *run) silent(d time.Duration) bool {
	return r.now()-max(time.Duration(r.lastDelivery.Load()), r.published) > d
}

const (
	settleStep  = 10 * time.Millisecond
	impatience  = 2 * time.Second        // Patience of whoever pressed Ctrl-C
	doublesTime = 100 * time.Millisecond // for what comes although nothing should
)

// settle waits for what is still on its way.
func (r *run) settle(ctx context.Context) {
	began := r.now()
	for {
		patience := r.Patience
		if ctx.Err() != nil {
			patience = min(patience, impatience)
		}
		// Whether something comes of publishes that failed, nobody knows.
		if r.deliveries.total.Load() >= r.expected.Load() && r.publishFailed.Load() == 0 {
			break
		}
		if r.silent(patience) && r.now()-began > patience {
			break
		}
		time.Sleep(settleStep)
	}
	time.Sleep(doublesTime)
}

// end closes all connections and waits for their goroutines.
func (r *run) end() {
	r.ending.Store(true)
	for _, s := range r.clients {
		if s.line != nil {
			s.line.close()
		}
	}
	r.following.Wait()
}
