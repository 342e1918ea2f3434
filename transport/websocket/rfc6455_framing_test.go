package websocket

import (
	"fmt"
	"strings"
)

// rfcFraming: messages around every form of the length.
func rfcFraming(r *rfcRun) {
	for group, kind := range []string{"text", "binary"} {
		char := []string{"*", "\xfe"}[group]
		for i, size := range []int{0, 125, 126, 127, 128, 65535, 65536, 65536} {
			r.play(fmt.Sprintf("1.%d.%d", group+1, i+1), func(p *peer) {
				payload := strings.Repeat(char, size)
				f := frame(group+1, true, 0, payload)
				if i == 7 {
					p.chop(997, f)
				} else {
					p.send(f)
				}
				p.want(kind + ":" + payload)
				p.close()
			})
		}
	}
}

// rfcPings: pings and pongs.
func rfcPings(r *rfcRun) {
	long := strings.Repeat("\xfe", 125)
	for i, payload := range []string{"", "Hello, world!", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff", long} {
		r.play(fmt.Sprintf("2.%d", i+1), func(p *peer) {
			p.send(pingFrame(payload))
			p.want("pong:" + payload)
			p.close()
		})
	}
	r.play("2.5", func(p *peer) {
		p.send(pingFrame(long + "\xfe"))
		p.wantEnd("1002")
	})
	r.play("2.6", func(p *peer) {
		p.chop(1, pingFrame(long))
		p.want("pong:" + long)
		p.close()
	})
	for i, payload := range []string{"", "unsolicited pong payload"} {
		r.play(fmt.Sprintf("2.%d", 7+i), func(p *peer) {
			p.send(pongFrame(payload))
			p.close()
		})
	}
	r.play("2.9", func(p *peer) {
		p.send(pongFrame("unsolicited pong payload"), pingFrame("ping payload"))
		p.want("pong:ping payload")
		p.close()
	})
	var pings [][]byte
	var pongs []string
	for i := range 10 {
		payload := fmt.Sprintf("payload-%d", i)
		pings, pongs = append(pings, pingFrame(payload)), append(pongs, "pong:"+payload)
	}
	r.play("2.10", func(p *peer) {
		p.send(pings...)
		p.want(pongs...)
		p.close()
	})
	r.play("2.11", func(p *peer) {
		p.chop(1, pings...)
		p.want(pongs...)
		p.close()
	})
}

// rfcReserved: reserved bits and opcodes. What came before is answered, what comes behind is not.
func rfcReserved(r *rfcRun) {
	const hello, garbage = "Hello, world!", "\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
	alone := func(id string, f []byte) {
		r.play(id, func(p *peer) {
			p.send(f)
			p.wantEnd("1002")
		})
	}
	between := func(id string, send func(p *peer, frames ...[]byte), f []byte) {
		r.play(id, func(p *peer) {
			send(p, textFrame(hello), f, pingFrame(""))
			p.want("text:" + hello)
			p.wantEnd("1002")
		})
	}
	whole := (*peer).send
	framewise := func(p *peer, frames ...[]byte) {
		for _, f := range frames {
			p.send(f)
		}
	}
	bytewise := func(p *peer, frames ...[]byte) { p.chop(1, frames...) }

	alone("3.1", frame(1, true, 1, hello))
	between("3.2", whole, frame(1, true, 2, hello))
	between("3.3", framewise, frame(1, true, 3, hello))
	between("3.4", bytewise, frame(1, true, 4, hello))
	alone("3.5", frame(2, true, 5, garbage))
	alone("3.6", frame(2, true, 6, hello))
	alone("3.7", frame(8, true, 7, ""))

	for i, op := range []int{3, 11} {
		group := fmt.Sprintf("4.%d", i+1)
		alone(group+".1", frame(op, true, 0, ""))
		alone(group+".2", frame(op+1, true, 0, "reserved opcode payload"))
		between(group+".3", whole, frame(op+2, true, 0, ""))
		between(group+".4", whole, frame(op+3, true, 0, hello))
		between(group+".5", bytewise, frame(op+4, true, 0, hello))
	}
}

// rfcFragments: messages in fragments, and control frames between them.
func rfcFragments(r *rfcRun) {
	part := func(op int, fin bool, n int) []byte { return frame(op, fin, 0, fmt.Sprintf("fragment%d", n)) }
	stray := "non-continuation payload"
	// Each is sent in one piece, or in pieces of the given size, or frame by frame for -1.
	for _, c := range []struct {
		id     string
		chop   int
		frames [][]byte
		want   []string
		broken bool
	}{
		{"5.1", 0, [][]byte{part(9, false, 1), part(0, true, 2)}, nil, true},
		{"5.2", 0, [][]byte{part(10, false, 1), part(0, true, 2)}, nil, true},
		{"5.3", 0, [][]byte{part(1, false, 1), part(0, true, 2)}, []string{"text:fragment1fragment2"}, false},
		{"5.4", -1, [][]byte{part(1, false, 1), part(0, true, 2)}, []string{"text:fragment1fragment2"}, false},
		{"5.5", 1, [][]byte{part(1, false, 1), part(0, true, 2)}, []string{"text:fragment1fragment2"}, false},
		{"5.6", 0, [][]byte{part(1, false, 1), pingFrame("ping payload"), part(0, true, 2)}, []string{"pong:ping payload", "text:fragment1fragment2"}, false},
		{"5.7", -1, [][]byte{part(1, false, 1), pingFrame("ping payload"), part(0, true, 2)}, []string{"pong:ping payload", "text:fragment1fragment2"}, false},
		{"5.8", 1, [][]byte{part(1, false, 1), pingFrame("ping payload"), part(0, true, 2)}, []string{"pong:ping payload", "text:fragment1fragment2"}, false},
		{"5.9", 0, [][]byte{frame(0, true, 0, stray), textFrame("Hello, world!")}, nil, true},
		{"5.10", -1, [][]byte{frame(0, true, 0, stray), textFrame("Hello, world!")}, nil, true},
		{"5.11", 1, [][]byte{frame(0, true, 0, stray), textFrame("Hello, world!")}, nil, true},
		{"5.12", 0, [][]byte{frame(0, false, 0, stray), textFrame("Hello, world!")}, nil, true},
		{"5.13", -1, [][]byte{frame(0, false, 0, stray), textFrame("Hello, world!")}, nil, true},
		{"5.14", 1, [][]byte{frame(0, false, 0, stray), textFrame("Hello, world!")}, nil, true},
		{"5.15", 0, [][]byte{part(1, false, 1), part(0, true, 2), part(0, false, 3), part(1, true, 4)}, []string{"text:fragment1fragment2"}, true},
		{"5.16", 0, [][]byte{part(0, false, 1), part(1, false, 2), part(0, true, 3), part(0, false, 1), part(1, false, 2), part(0, true, 3)}, nil, true},
		{"5.17", 0, [][]byte{part(0, true, 1), part(1, false, 2), part(0, true, 3), part(0, true, 1), part(1, false, 2), part(0, true, 3)}, nil, true},
		{"5.18", 0, [][]byte{part(1, false, 1), part(1, true, 2)}, nil, true},
	} {
		r.play(c.id, func(p *peer) {
			switch c.chop {
			case 0:
				p.send(c.frames...)
			case -1:
				for _, f := range c.frames {
					p.send(f)
				}
			default:
				p.chop(c.chop, c.frames...)
			}
			p.want(c.want...)
			if c.broken {
				p.wantEnd("1002")
			} else {
				p.close()
			}
		})
	}
	// The first ping is answered before the rest of the message is sent.
	for id, send := range map[string]func(p *peer, frames ...[]byte){
		"5.19": (*peer).send,
		"5.20": func(p *peer, frames ...[]byte) {
			for _, f := range frames {
				p.send(f)
			}
		},
	} {
		r.play(id, func(p *peer) {
			send(p, part(1, false, 1), part(0, false, 2), pingFrame("pongme 1!"))
			p.want("pong:pongme 1!")
			send(p, part(0, false, 3), part(0, false, 4), pingFrame("pongme 2!"), part(0, true, 5))
			p.want("pong:pongme 2!", "text:fragment1fragment2fragment3fragment4fragment5")
			p.close()
		})
	}
}
