package client

import (
	"errors"
	"slices"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/transport/wire"
)

const (
	remembered = 30 * time.Minute // how long the next connection begins with what worked

	probeFirst = time.Minute // on a lesser transport, until the better ones are tried; then doubled
	probeMost  = 15 * time.Minute

	avoidFirst = time.Minute // a transport whose lines break soon is left out; then doubled
	avoidMost  = 15 * time.Minute
	strikesOut = 3 // lines in a row that broke soon

	holdLeast = 5 * time.Second // of a long poll
)

// A ladder decides which transports are tried next, out of what happened before. It knows no
// I/O, and the time is told to it.
type ladder struct {
	allowed []Transport // the best first

	good      Transport // what worked last
	goodUntil time.Time

	strikes [5]int       // lines that broke soon, in a row
	avoided [5]time.Time // until when it is left out
	penalty [5]int       // how often it was

	hold   time.Duration // of long polls: shorter where something ends idle requests
	probes int           // in vain, in a row
	probe  time.Time     // when to try the better ones
}

func newLadder(allowed []Transport) ladder {
	return ladder{allowed: allowed, hold: wire.DefaultWait}
}

// stages returns what to try one stage after the other, everything in one at once.
func (l *ladder) stages(now time.Time) (stages [][]Transport) {
	open := l.open(now)
	first := open[0]
	if now.Before(l.goodUntil) && slices.Contains(open, l.good) {
		first = l.good
	}
	var race []Transport
	for _, t := range open {
		if t != first && t != Poll {
			race = append(race, t)
		}
	}
	stages = [][]Transport{{first}}
	if len(race) > 0 {
		stages = append(stages, race)
	}
	if first != Poll && slices.Contains(open, Poll) {
		stages = append(stages, []Transport{Poll})
	}
	return stages
}

// open returns the transports that are not left out at the moment, one at least.
func (l *ladder) open(now time.Time) (open []Transport) {
	for _, t := range l.allowed {
		if !now.Before(l.avoided[t]) {
			open = append(open, t)
		}
	}
	if len(open) == 0 {
		return l.allowed[len(l.allowed)-1:]
	}
	return open
}

// worked notes that a line of t is open.
func (l *ladder) worked(t Transport, now time.Time) {
	if t != l.good {
		l.probes = 0
	}
	l.good, l.goodUntil = t, now.Add(remembered)
	l.schedule(now)
}

func (l *ladder) schedule(now time.Time) {
	l.probe = time.Time{}
	if l.good != l.allowed[0] {
		l.probe = now.Add(min(probeFirst<<min(l.probes, 10), probeMost))
	}
}

// better returns the transports to try from the one that works.
func (l *ladder) better(now time.Time) (better []Transport) {
	for _, t := range l.open(now) {
		if t < l.good {
			better = append(better, t)
		}
	}
	return better
}

// probed notes that none of the better ones answered in time.
func (l *ladder) probed(now time.Time) {
	l.probes++
	l.schedule(now)
}

// ended notes how a line ended that was open for some time. heard tells that a heartbeat came.
func (l *ladder) ended(t Transport, err error, lived time.Duration, heard bool, now time.Time) {
	if lived >= steady {
		l.strikes[t] = 0
	}
	if t == LongPoll && told(err) == "" {
		// It may be that something ends requests that wait, and sooner than the server does.
		l.hold = max(l.hold/2, holdLeast)
	}
	if errors.As(err, new(silence)) && !heard {
		// Something took the line and passes nothing on. A line that was alive and is silent
		// now is just dead.
		l.avoid(t, avoidMost, now)
		if t == SSE || t == HTTPStream {
			l.avoid(SSE, avoidMost, now)
			l.avoid(HTTPStream, avoidMost, now)
		}
		return
	}
	if told(err) == "" && lived < steady {
		if l.strikes[t]++; l.strikes[t] >= strikesOut {
			l.avoid(t, min(avoidFirst<<min(l.penalty[t], 10), avoidMost), now)
		}
	}
}

func (l *ladder) avoid(t Transport, d time.Duration, now time.Time) {
	l.strikes[t] = 0
	l.penalty[t]++
	l.avoided[t] = now.Add(d)
}

// told returns what the server gave as the reason; "" for what may come from anywhere.
func told(err error) string {
	if closed := (*raw.CloseError)(nil); errors.As(err, &closed) {
		return closed.Code.String()
	}
	return codeOf(err)
}
