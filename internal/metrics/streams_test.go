package metrics

import "testing"

func TestStreams(t *testing.T) {
	m := New("dev")
	s := m.Streams()
	s.StreamEnded("complete", 1000)
	s.StreamEnded("sender", 24)
	s.StreamEnded("something new", 0)
	s.ConsumerEnded("too_slow")
	s.ConsumerEnded("left")
	s.StreamRefused("sender")
	counts(t, m, "wsbridge_streams_ended_total", map[string]string{
		labels("result", "complete"): "1", labels("result", "sender"): "1", labels("result", "other"): "1",
	})
	counts(t, m, "wsbridge_stream_bytes_total", map[string]string{"": "1024"})
	counts(t, m, "wsbridge_stream_consumers_ended_total", map[string]string{labels("result", "too_slow"): "1", labels("result", "left"): "1"})
	counts(t, m, "wsbridge_streams_refused_total", map[string]string{labels("reason", "sender"): "1"})
	m.Watch(Sources{Streams: func() (int, int, int64) { return 2, 3, 4096 }})
	for name, want := range map[string]string{"wsbridge_streams": "2", "wsbridge_stream_consumers": "3", "wsbridge_stream_window_bytes": "4096"} {
		counts(t, m, name, map[string]string{"": want})
	}
}
