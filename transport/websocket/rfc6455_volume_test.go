package websocket

import (
	"fmt"
	"strings"
)

// rfcVolume: long messages, whole, in fragments and in small writes, and many short ones in turn.
func rfcVolume(r *rfcRun) {
	const kib, mib = 1 << 10, 1 << 20
	kinds := []struct {
		op   int
		name string
		unit string
	}{{1, "text:", "BAsd7&jh23"}, {2, "binary:", "\x00\xfe\x23\xfa\xf0"}}

	// answered sends and reads at the same time: neither end holds a whole message.
	answered := func(p *peer, want string, send func()) {
		done := make(chan struct{})
		go func() {
			defer close(done)
			send()
		}()
		p.want(want)
		<-done
		p.close()
	}
	repeat := func(unit string, n int) string { return strings.Repeat(unit, n/len(unit)+1)[:n] }

	for k, kind := range kinds {
		for i, size := range []int{64 * kib, 256 * kib, mib, 4 * mib, 8 * mib, 16 * mib} {
			r.play(fmt.Sprintf("9.%d.%d", k+1, i+1), func(p *peer) {
				payload := repeat(kind.unit, size)
				answered(p, kind.name+payload, func() { p.send(frame(kind.op, true, 0, payload)) })
			})
		}
		for i, size := range []int{64, 256, kib, 4 * kib, 16 * kib, 64 * kib, 256 * kib, mib, 4 * mib} {
			r.play(fmt.Sprintf("9.%d.%d", k+3, i+1), func(p *peer) {
				payload := repeat("*", 4*mib)
				answered(p, kind.name+payload, func() { p.send(fragmented(kind.op, 0, payload, size)) })
			})
		}
		for i, size := range []int{64, 128, 256, 512, 1024, 2048} {
			r.play(fmt.Sprintf("9.%d.%d", k+5, i+1), func(p *peer) {
				payload := repeat(kind.unit, mib)
				answered(p, kind.name+payload, func() { p.chop(size, frame(kind.op, true, 0, payload)) })
			})
		}
		for i, size := range []int{0, 16, 64, 256, 1024, 4096} {
			r.play(fmt.Sprintf("9.%d.%d", k+7, i+1), func(p *peer) {
				payload := strings.Repeat([]string{"*", "\xfe"}[k], size)
				f := frame(kind.op, true, 0, payload)
				for range 1000 {
					p.send(f)
					p.want(kind.name + payload)
				}
				p.close()
			})
		}
	}
	r.play("10.1.1", func(p *peer) {
		payload := strings.Repeat("*", 65536)
		p.send(fragmented(1, 0, payload, 1300))
		p.want("text:" + payload)
		p.close()
	})
}
