package client

import (
	"cmp"
	"net"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// through plays one client behind something, while messages are published, and returns it and
// which transports it was connected by, in order.
func through(t *testing.T, s *server, name string, n int, pace time.Duration, meanwhile func()) (used []Transport) {
	t.Helper()
	c := s.client(name, Options{OnState: func(st State) {
		t.Logf("%v %+v", time.Now().Format("15:04:05.000"), st)
		if st.Status == Connected {
			used = append(used, st.Transport)
		}
	}})
	sub, err := c.Subscribe(t.Context(), "open:a")
	if err != nil {
		t.Fatal(err)
	}
	published := make(chan struct{})
	go func() {
		defer close(published)
		s.publish("open:a", 1, n, pace)
	}()
	if meanwhile != nil {
		meanwhile()
	}
	l := &ledger{t: t}
	l.follow(sub, n)
	<-published
	if len(l.gaps) > 0 {
		t.Errorf("gaps: %v", l.gaps)
	}
	c.Close()
	return used
}

func TestWhatIsBetween(t *testing.T) {
	for _, tt := range []struct {
		name string
		box  *middlebox
		line func(net.Conn) net.Conn
		n    int           // messages; default 500
		pace time.Duration // default 500 ms
		only []Transport   // that connected, in order
		last []Transport   // one of these connected last
	}{
		{name: "nothing", only: []Transport{WebSocket}},
		{name: "a proxy", box: &middlebox{}, only: []Transport{WebSocket}},
		{name: "WebSocket refused", box: &middlebox{refuseWebSocket: true}, only: []Transport{SSE}},
		{name: "WebSocket accepted and silent", box: &middlebox{muteWebSocket: true}, only: []Transport{SSE}},
		{name: "only complete answers", box: &middlebox{whole: true}, only: []Transport{LongPoll}},
		{name: "streams begin and stand still", box: &middlebox{refuseWebSocket: true, begun: true}, last: []Transport{LongPoll}},
		{name: "everything cut after 3 s", line: cutAfter(3 * time.Second)},
		{name: "everything cut after 20 s", line: cutAfter(20 * time.Second)},
		{name: "idle lines ended after 10 s", line: endIdle(10 * time.Second), n: 60, pace: 35 * time.Second},
		{name: "complete answers, idle lines ended after 10 s", box: &middlebox{whole: true}, line: endIdle(10 * time.Second), n: 60, pace: 35 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, name := serve(t), "origin"
				if tt.box != nil {
					name, tt.box.to = "middlebox", "origin"
					s.net.middlebox(t, name, tt.box)
				}
				s.net.pass(tt.line)
				used := through(t, s, name, cmp.Or(tt.n, 500), cmp.Or(tt.pace, 500*time.Millisecond), nil)
				if tt.only != nil && !slices.Equal(used, tt.only) {
					t.Errorf("connected by %v, expected %v", used, tt.only)
				}
				if tt.last != nil && !slices.Contains(tt.last, used[len(used)-1]) {
					t.Errorf("connected last by %v, expected one of %v", used, tt.last)
				}
			})
		})
	}
}
