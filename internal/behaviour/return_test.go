package behaviour

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/pubsub"
)

func TestAwayFromAnEmptyChannelUntilItWasTrimmed(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			j := s.journal(t, named(t, "few"))
			l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{j.channel}})
			l.Close()
			j.write(t, 12)
			l = s.join(t, transport, raw.Options{Cursor: l.Cursor()})
			// 12 were written, 5 are kept.
			l.gap(pubsub.Gap{Channel: j.channel, Reason: pubsub.Trimmed, From: j.at[0], To: j.at[7]})
			j.follow(t, l, 7)
		})
	})
}

func TestAwayForLongerThanTheRetention(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			j := s.journal(t, named(t, "brief"))
			l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{j.channel}})
			j.follow(t, l, 0)
			l.Close()
			until(t, "everything has aged out", func() bool { return s.info(t, j.channel).Retained == 0 })
			l = s.join(t, transport, raw.Options{Cursor: l.Cursor()})
			j.follow(t, l, j.last())
		})
	})
}

func TestALineThatBreaksBeforeItsFirstMessage(t *testing.T) {
	t.Parallel()
	both(t, func(t *testing.T, start starter) {
		s := start(t, setup{})
		each(t, func(t *testing.T, transport raw.Transport) {
			j := s.journal(t, named(t, "orders"))
			j.write(t, 2)
			l := s.join(t, transport, raw.Options{Channels: []pubsub.Channel{j.channel}})
			l.CloseNow()
			j.write(t, 3)
			l = s.join(t, transport, raw.Options{Cursor: l.Cursor()})
			j.follow(t, l, 2)
		})
	})
}

// A client that is 8 MiB behind on a slow line is caught up as fast as the line is, while
// more is published. It runs by itself, since it keeps the processors busy.
func TestCatchingUpOnASlowLine(t *testing.T) {
	both(t, func(t *testing.T, start starter) {
		const (
			n    = 120
			size = 80_000 // more than 8 MiB in all
			rate = 3 << 20
		)
		s := start(t, setup{})
		big := pubsub.Channel("orders:big")
		data := func(i int) string { return fmt.Sprintf(`"%06d%s"`, i, strings.Repeat("x", size)) }
		before := s.end(t, big)
		for i := range n {
			s.publish(t, big, data(i))
		}
		catchUp := func(t *testing.T, transport raw.Transport) {
			j := s.journal(t, named(t, "news"))
			l := s.through(t, throttle(t, s, rate)).join(t, transport, raw.Options{
				Cursor: j.behind(0).Set(big, before),
				Limit:  1000,
			})
			old, fresh := 0, 0
			for old < n || fresh < n {
				m := l.message()
				if m.Channel == j.channel {
					fresh++
					j.is(t, m, fresh)
					continue
				}
				if m.Pos.Offset != uint64(old+1) || string(m.Data.Bytes) != data(old) {
					t.Fatalf("message %d came with %.10s…, want the %d.", m.Pos.Offset, m.Data.Bytes, old+1)
				}
				old++
				j.write(t, 1)
			}
			if n := s.counts.of(closedWith(transport.String(), 4208)); n != 0 {
				t.Errorf("%d lines were closed with 4208", n)
			}
		}
		for _, transport := range raw.Transports() {
			t.Run(transport.String(), func(t *testing.T) { catchUp(t, transport) })
		}
	})
}
