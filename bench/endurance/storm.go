package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const (
	connecting  = 64                     // at once, before the storm
	look        = 100 * time.Millisecond // from one look at the memory to the next
	mostSampled = 200                    // clients that are published to after the storm
	sampleTime  = 10 * time.Second       // within which all of them have their message
	sampleMark  = "after the storm"
)

// pause is how long a client whose attempt failed waits: at most half a second.
func pause() time.Duration { return 50*time.Millisecond + rand.N(450*time.Millisecond) }

// A storm is clients that lose their connections all at once, and want them back.
type storm struct {
	*server
	plan    plan
	clients []*client
	sampled []*client
	arrived chan *client // a message marked as a sample came

	following sync.WaitGroup // one goroutine a connection
	failed    reasons        // attempts
}

// A client is subscribed to a channel of its own.
type client struct {
	from    net.Addr
	channel string
	line    *line // owned by join, and in between by the storm; nil: it has none
	back    time.Duration
	sampled atomic.Bool // its sample came
}

// playStorms prints how storms went. The error says what went wrong.
func playStorms(ctx context.Context, w io.Writer, binary string, p plan) (err error) {
	files, err := openFiles()
	if err != nil {
		return err
	}
	if room := roomFor(files); room < p.clients {
		fmt.Fprintf(w, "\n%d files may be open, which is enough for %d clients, not %d: raise the hard limit (ulimit -Hn).\n", files, room, p.clients)
		if p.clients = room; room < 1 {
			return errors.New("too few files may be open")
		}
	}
	started, err := startServer(ctx, binary)
	if err != nil {
		return err
	}
	s := &storm{server: started, plan: p}
	defer func() {
		s.cut()
		s.following.Wait()
		err = s.end(err)
	}()
	for i := range p.clients {
		s.clients = append(s.clients, &client{from: source(i), channel: "storm:" + strconv.Itoa(i)})
	}
	count := min(mostSampled, p.clients)
	for i := range count {
		s.sampled = append(s.sampled, s.clients[i*p.clients/count])
	}
	s.arrived = make(chan *client, count)
	return s.play(ctx, w)
}

// play plays all of it, and prints a table with a row for each storm.
func (s *storm) play(ctx context.Context, w io.Writer) error {
	if err := s.connect(ctx); err != nil {
		return err
	}
	before, err := s.calm(ctx)
	if err != nil {
		return err
	}
	heapBefore, err := s.heap(ctx)
	if err != nil {
		return err
	}

	fmt.Fprintf(w, "\n| storm | half back after | all back after | attempts repeated | published, failed, slowest | samples received | RSS before, peak, after | heap in use before, after | memory back after |\n")
	fmt.Fprintf(w, "| --- | ---: | ---: | --- | ---: | ---: | ---: | ---: | ---: |\n")
	var errs []error
	for i := 0; i < s.plan.storms && ctx.Err() == nil; i++ {
		if err := s.blow(ctx, w, before, heapBefore); err != nil {
			errs = append(errs, fmt.Errorf("storm %d: %w", i+1, err))
		}
	}
	return errors.Join(append(errs, ctx.Err())...)
}

// blow plays one storm and prints its row; before and heapBefore are what the memory was when none
// had been.
func (s *storm) blow(ctx context.Context, w io.Writer, before, heapBefore uint64) error {
	s.failed = reasons{}
	for _, c := range s.sampled {
		c.sampled.Store(false)
	}
	publisher := newPublisher(s.Addr)
	defer publisher.close()
	var sides sync.WaitGroup
	done, peak := make(chan struct{}), before
	var lookErr error
	sides.Go(func() { publisher.run(ctx, "storm:news", done) })
	sides.Go(func() { peak, lookErr = s.highest(done) })
	took := s.rage(ctx)
	close(done)
	sides.Wait()

	received, sampleErr := s.sample(ctx, publisher)
	after, settled, settleErr := s.settle(ctx, before)
	heapAfter, heapErr := s.heap(ctx)
	back, times := s.back()
	if err := errors.Join(ctx.Err(), lookErr, heapErr); err != nil {
		return err
	}

	fmt.Fprintf(w, "| %d of %d WebSockets | %s | %s | %s | %d, %d, %s | %d of %d | %s, %s, %s | %s, %s | %s |\n",
		back, len(s.clients), seconds(times[len(times)/2]), seconds(took), &s.failed,
		publisher.published, publisher.failed, publisher.slowest.Round(time.Millisecond),
		received, len(s.sampled), mib(before), mib(peak), mib(after), mib(heapBefore), mib(heapAfter), seconds(settled))

	var errs []error
	if missing := len(s.clients) - back; missing > 0 {
		errs = append(errs, fmt.Errorf("%d clients are not back", missing))
	}
	if publisher.failed > 0 {
		errs = append(errs, fmt.Errorf("%d publications failed, the first with: %w", publisher.failed, publisher.failure))
	}
	return errors.Join(append(errs, sampleErr, settleErr)...)
}

// join connects a client. It tries until ctx ends.
func (s *storm) join(ctx context.Context, c *client) {
	for ctx.Err() == nil {
		line, err := dial(ctx, c.from, s.Addr, c.channel)
		if err == nil {
			c.line = line
			s.following.Go(func() { line.follow(func(text []byte) { s.take(c, text) }) })
			return
		}
		s.failed.add(err)
		select {
		case <-time.After(pause()):
		case <-ctx.Done():
		}
	}
}

func (s *storm) take(c *client, text []byte) {
	if bytes.HasPrefix(text, []byte(`{"type":"message"`)) && bytes.Contains(text, []byte(sampleMark)) && c.sampled.CompareAndSwap(false, true) {
		s.arrived <- c // it has room for one of each
	}
}

// connect connects all clients, some at once.
func (s *storm) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.plan.patience)
	defer cancel()
	var wg sync.WaitGroup
	var taken atomic.Int64
	for range connecting {
		wg.Go(func() {
			for i := taken.Add(1) - 1; int(i) < len(s.clients); i = taken.Add(1) - 1 {
				s.join(ctx, s.clients[i])
			}
		})
	}
	wg.Wait()
	if s.failed.total > 0 || ctx.Err() != nil {
		return fmt.Errorf("the clients did not connect, before any storm: %s attempts failed", &s.failed)
	}
	return nil
}

// cut resets all connections.
func (s *storm) cut() {
	for _, c := range s.clients {
		if c.line != nil {
			c.line.cut()
			c.line = nil
		}
	}
}

// rage cuts all connections, and has all clients come back at the same moment. It returns when the
// last of them is subscribed, or when patience ends.
func (s *storm) rage(ctx context.Context) time.Duration {
	ctx, cancel := context.WithTimeout(ctx, s.plan.patience)
	defer cancel()
	var wg sync.WaitGroup
	var start time.Time
	begin := make(chan struct{})
	for _, c := range s.clients {
		wg.Go(func() {
			<-begin
			s.join(ctx, c)
			c.back = time.Since(start)
		})
	}
	start = time.Now()
	s.cut()
	close(begin)
	wg.Wait()
	return time.Since(start)
}

// back returns how many clients have their connections, and when each had, in order.
func (s *storm) back() (count int, times []time.Duration) {
	for _, c := range s.clients {
		if c.line != nil && !c.line.over.Load() {
			count++
		}
		times = append(times, c.back)
	}
	slices.Sort(times)
	return count, times
}

// sample publishes to some of the clients, and returns how many have got it.
func (s *storm) sample(ctx context.Context, p *publisher) (received int, err error) {
	for _, c := range s.sampled {
		if err := p.publish(ctx, c.channel, strconv.Quote(sampleMark)); err != nil {
			return 0, fmt.Errorf("publishing after the storm: %w", err)
		}
	}
	late := time.After(sampleTime)
	for received < len(s.sampled) {
		select {
		case <-s.arrived:
			received++
		case <-late:
			return received, fmt.Errorf("%d of %d clients did not get a message after the storm", len(s.sampled)-received, len(s.sampled))
		case <-ctx.Done():
			return received, ctx.Err()
		}
	}
	return received, nil
}

// calm waits until the resident set stands still, and returns it.
func (s *storm) calm(ctx context.Context) (uint64, error) {
	var since time.Time
	var least, most uint64
	for limit := time.Now().Add(s.plan.patience); ; {
		now, err := s.resident()
		if err != nil {
			return 0, err
		}
		least, most = min(least, now), max(most, now)
		if float64(most) > 1.01*float64(least) {
			least, most, since = now, now, time.Now()
		}
		if time.Since(since) > s.plan.calm {
			return now, nil
		}
		if time.Now().After(limit) {
			return 0, fmt.Errorf("memory does not stand still: %s", mib(now))
		}
		if err := sleep(ctx, look); err != nil {
			return 0, err
		}
	}
}

// settle waits until the resident set is what it was, but for the growth that is good.
func (s *storm) settle(ctx context.Context, before uint64) (after uint64, took time.Duration, err error) {
	for start := time.Now(); ; {
		now, err := s.resident()
		took = time.Since(start)
		switch {
		case err != nil:
			return now, took, err
		case float64(now) <= s.plan.growth*float64(before):
			return now, took, nil
		case took > s.plan.patience:
			return now, took, fmt.Errorf("memory is %s, and was %s before: more than %.2f times as much", mib(now), mib(before), s.plan.growth)
		}
		if err := sleep(ctx, look); err != nil {
			return now, took, err
		}
	}
}

// highest returns the largest resident set until done is closed.
func (s *storm) highest(done <-chan struct{}) (most uint64, err error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		now, err := s.resident()
		if err != nil {
			return most, err
		}
		most = max(most, now)
		select {
		case <-tick.C:
		case <-done:
			return most, nil
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }
