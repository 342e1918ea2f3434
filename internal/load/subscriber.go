package load

import (
	"context"
	"time"
)

// A subscriber is one client: it is on one channel, and checks what it is given.
type subscriber struct {
	run     *run
	channel *channel
	line    line
	ledger  ledger
	lost    uint64 // in holes that the ledger gave up
}

// A line is a client's connection on one transport.
type line interface {
	// follow gives the subscriber what comes, until the connection ends. It says why it did.
	follow(s *subscriber) error
	// close ends the connection, and so follow. Any goroutine may call it.
	close()
}

// An opener connects a client and subscribes it, and returns when that was confirmed: what is
// published from then on has to come. bearer is empty for clients without token.
type opener func(ctx context.Context, t *target, channel, bearer string) (line, error)

// message takes a message as it came, in JSON.
func (s *subscriber) message(text []byte) {
	now := s.run.now()
	number, sent, ok := s.run.payloads.find(text, s.channel.index)
	if !ok || number == 0 || number > s.channel.sent.Load() {
		s.run.counts.damaged.Add(1)
		return
	}
	v, givenUp := s.ledger.see(number)
	s.lost += givenUp
	switch v {
	case doubled:
		s.run.counts.doubled.Add(1)
		return
	case outOfOrder:
		s.run.counts.outOfOrder.Add(1)
	}
	s.run.deliveries.record(now - sent)
	s.run.lastDelivery.Store(int64(now))
	s.channel.delivered(number)
}

// damaged takes what cannot be read.
func (s *subscriber) damaged() { s.run.counts.damaged.Add(1) }

// gap takes the server's word that something will not come.
func (s *subscriber) gap() { s.run.counts.gaps.Add(1) }

// now is the time since the run began.
func (r *run) now() time.Duration { return time.Since(r.began) }
