package websocket

import (
	"fmt"
	"strings"
)

// rfcClosing: the close handshake. Wherever the server answers with a close frame, the end of the stream follows: nothing
// sent behind it is answered.
func rfcClosing(r *rfcRun) {
	const hello = "Hello World!"
	normal := closeFrame(1000, "")
	// ends sends frames and wants what comes before the close frame, then that with one of the codes.
	ends := func(id string, before []string, codes string, frames ...[]byte) {
		r.play(id, func(p *peer) {
			p.send(frames...)
			p.want(before...)
			p.wantEnd(strings.Split(codes, " ")...)
		})
	}
	ends("7.1.1", []string{"text:" + hello}, "1000", textFrame(hello), normal)
	ends("7.1.2", nil, "1000", normal, frame(8, true, 0, ""))
	ends("7.1.3", nil, "1000", normal, pingFrame(""))
	ends("7.1.4", nil, "1000", normal, textFrame(hello))
	ends("7.1.5", nil, "1000", frame(1, false, 0, "fragment1"), normal, frame(0, true, 0, "fragment2"))
	r.play("7.1.6", func(p *peer) {
		long := strings.Repeat("BAsd7&jh23", 256<<10/10+1)[:256<<10]
		done := make(chan struct{})
		go func() {
			defer close(done)
			p.send(textFrame(long), textFrame(hello), normal, pingFrame(""))
		}()
		p.want("text:"+long, "text:"+hello)
		p.wantEnd("1000")
		<-done
	})

	// An empty close frame is answered with an empty one.
	ends("7.3.1", nil, "", frame(8, true, 0, ""))
	ends("7.3.2", nil, "1002", frame(8, true, 0, "a"))
	ends("7.3.3", nil, "1000", normal)
	ends("7.3.4", nil, "1000", closeFrame(1000, hello))
	ends("7.3.5", nil, "1000", closeFrame(1000, strings.Repeat("*", 123)))
	ends("7.3.6", nil, "1002", closeFrame(1000, strings.Repeat("*", 124)))
	ends("7.5.1", nil, "1007", closeFrame(1000, kosme+"\xed\xa0\x80edited"))

	for i, code := range []int{1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999} {
		ends(fmt.Sprintf("7.7.%d", i+1), nil, fmt.Sprint(code), closeFrame(code, ""))
	}
	for i, code := range []int{0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999} {
		ends(fmt.Sprintf("7.9.%d", i+1), nil, "1002", closeFrame(code, ""))
	}
	for i, code := range []int{5000, 65535} {
		ends(fmt.Sprintf("7.13.%d", i+1), nil, "1002", closeFrame(code, ""))
	}
}
