package footprint

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"testing"
	"time"
)

// TestStalledReader lets 64 MiB pass a WebSocket client that reads nothing any more, and a
// hundred that read.
func TestStalledReader(t *testing.T) {
	const (
		readers  = 100
		messages = 1024
		size     = 64 << 10

		maxQueue = 1 << 20
		maxHeap  = 16 << 20 // above the start, the log included
	)
	s := start(t)
	before := s.report(askAfter)

	stalled := listen(t, s.addr)
	ends := make(chan error, readers)
	for range readers {
		reader := listen(t, s.addr)
		go func() { ends <- reader.hears(messages) }()
	}

	var heap uint64
	var queue int
	look := func(question string) {
		t.Helper()
		r := s.report(question)
		queue = max(queue, r.LongestQueue)
		if question == askAfter {
			heap = max(heap, r.Heap)
		}
	}
	payload := bytes.Repeat([]byte{0xa5}, size)
	began := time.Now()
	for i := range messages {
		s.publish("feed", "tick", payload)
		look(askNow) // queues grow with a publish, so that none gets longer unseen
		if i%32 == 0 {
			look(askAfter)
		}
	}
	t.Logf("published %d MiB in %v", messages*size>>20, time.Since(began).Round(time.Millisecond))
	for range readers {
		if err := <-ends; err != nil {
			t.Error(err)
		}
	}
	t.Logf("read by %d after %v", readers, time.Since(began).Round(time.Millisecond))
	look(askAfter)
	s.until("the client that stands still is closed", func(r report) bool {
		return r.Counts[closed("websocket", 4208)] == 1 && r.Counts[open("websocket")] == readers
	})
	look(askAfter)

	t.Logf("heap at the start %.1f MiB, at most %.1f MiB more; longest queue %d KiB", mib(before.Heap), mib(heap-before.Heap), queue>>10)
	if heap > before.Heap+maxHeap {
		t.Errorf("the heap grew by %.1f MiB, at most %d are allowed", mib(heap-before.Heap), maxHeap>>20)
	}
	if queue > maxQueue || queue < maxQueue/2 {
		t.Errorf("the longest queue held %d bytes; the stalled client's should have come near %d, and not over it", queue, maxQueue)
	}

	// Only now is it read: what the kernel held, and then the end.
	stalled.conn.SetDeadline(time.Now().Add(patience))
	n, err := io.Copy(io.Discard, stalled.r)
	if n == 0 || n > messages*size/2 {
		t.Errorf("the stalled client had %d bytes waiting (%v), which is no stalled client's", n, err)
	}
}

// listen subscribes a WebSocket.
func listen(t *testing.T, addr string) *line {
	t.Helper()
	l, err := dial(addr, "/v1/ws?channels=feed", upgrade, 64<<10)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.conn.Close() })
	if _, err := l.await("\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for {
		_, text, err := l.frame()
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte(`"subscribed"`)) {
			return l
		}
	}
}

var offsetOf = regexp.MustCompile(`"pos":"[0-9A-Za-z]+-([0-9]+)-`)

// hears reads until message number last, and fails at a hole.
func (l *line) hears(last int) error {
	for heard := 0; heard < last; {
		op, payload, err := l.frame()
		switch {
		case err != nil:
			return fmt.Errorf("behind message %d: %w", heard, err)
		case op == opText && bytes.Contains(payload, []byte(`"heartbeat"`)):
		case op == opText:
			return fmt.Errorf("behind message %d: %s", heard, payload)
		case op == opBinary:
			offset := offsetOf.FindSubmatch(payload)
			if heard++; offset == nil || string(offset[1]) != strconv.Itoa(heard) {
				return fmt.Errorf("instead of message %d: %.200q", heard, payload)
			}
		}
	}
	return nil
}
