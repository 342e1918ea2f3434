package load

import (
	"fmt"
	"testing"
	"time"
)

func TestPayloadIsFoundInAMessage(t *testing.T) {
	for _, size := range []int{MinSize, 128, 5000} {
		p := newPayloads(newRunID(), size)
		data := p.append(nil, 7, 42, 1234567*time.Microsecond)
		if len(data) != size {
			t.Errorf("%d bytes are %d", size, len(data))
		}
		message := fmt.Appendf(nil, `{"type":"message","channel":"bench:x-7","data":%s,"time":"2026-01-31T12:00:00.000Z"}`, data)
		number, sent, ok := p.find(message, 7)
		if !ok || number != 42 || sent != 1234567*time.Microsecond {
			t.Errorf("found %d, %v, %v", number, sent, ok)
		}
		if _, _, ok := p.find(message, 8); ok {
			t.Error("found on another channel")
		}
		if _, _, ok := newPayloads(newRunID(), size).find(message, 7); ok {
			t.Error("found in another run")
		}
		if _, _, ok := newPayloads(p.run, size+1).find(message, 7); ok {
			t.Error("found with another size")
		}
	}
}

// TestPayloadIsFoundWithoutAllocating: a client's side must stay cheap.
func TestPayloadIsFoundWithoutAllocating(t *testing.T) {
	p := newPayloads(newRunID(), 128)
	message := fmt.Appendf(nil, `{"data":%s}`, p.append(nil, 7, 42, time.Second))
	if n := testing.AllocsPerRun(100, func() {
		if _, _, ok := p.find(message, 7); !ok {
			t.Fatal("not found")
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestPayloadIsChecked changes and drops each byte of the data in turn.
func TestPayloadIsChecked(t *testing.T) {
	p := newPayloads(newRunID(), 100)
	const before, after = `{"data":`, `,"time":"2026-01-31T12:00:00.000Z"}`
	data := string(p.append(nil, 1, 2, 3))
	for i := range data {
		for _, changed := range []string{data[:i] + "e" + data[i+1:], data[:i] + data[i+1:], data[:i]} {
			if changed == data {
				continue
			}
			if _, _, ok := p.find([]byte(before+changed+after), 1); ok {
				t.Errorf("not noticed: %s", changed)
			}
		}
	}
	if _, _, ok := p.find([]byte(before+data), 1); !ok {
		t.Error("not found at the end")
	}
}
