package redistest

import (
	"bufio"
	"net"
	"regexp"
	"sync"
	"testing"
)

// A Proxy passes TCP connections on to a server, as long as it is let. Its methods may be
// called at once.
type Proxy struct {
	listener net.Listener
	wg       sync.WaitGroup // accept, and the pumps of all links

	// Under mu.
	mu        sync.Mutex
	target    string     // of new connections
	changed   *sync.Cond // blocked, or a link's end
	links     map[*link]struct{}
	closed    bool
	blocked   bool
	muted     bool
	swallowed int
}

// A link is one connection through the proxy. What is not constant is under the proxy's mu.
type link struct {
	client, server net.Conn
	subscribed     bool // has sent SUBSCRIBE or SSUBSCRIBE
	cut            bool
}

// NewProxy starts a proxy in front of a server, whose address may have nobody listening yet,
// or no longer: then connections are accepted and closed.
func NewProxy(t testing.TB, target string) *Proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal("redistest: ", err)
	}
	p := &Proxy{target: target, listener: l, links: make(map[*link]struct{})}
	p.changed = sync.NewCond(&p.mu)
	p.wg.Go(p.accept)
	t.Cleanup(p.Close)
	return p
}

// Addr returns HOST:PORT.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Cut closes all connections and returns how many there were. New ones are let in.
func (p *Proxy) Cut() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.links)
	for l := range p.links {
		p.cut(l)
	}
	return n
}

// Redirect leads new connections to another server. Those that stand stay where they are
// until Cut.
func (p *Proxy) Redirect(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Block stalls all traffic both ways, that of new connections too, or lets it go on where it
// stood: nothing is lost, unless the other side gave up meanwhile.
func (p *Proxy) Block(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blocked = on
	p.changed.Broadcast()
}

// Mute swallows what the server sends on connections that have sent SUBSCRIBE or SSUBSCRIBE,
// those to come included: they look alive, and commands on others work. What was swallowed
// is never sent. The proxy has to see the protocol, so there must be no TLS; and it looks for
// the command's name on a line of its own, which no message in the test may contain.
func (p *Proxy) Mute(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.muted = on
}

// Swallowed returns how many replies and announcements were swallowed so far.
func (p *Proxy) Swallowed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.swallowed
}

// Subscribed returns how many connections are open that have sent SUBSCRIBE or SSUBSCRIBE.
func (p *Proxy) Subscribed() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for l := range p.links {
		if l.subscribed {
			n++
		}
	}
	return n
}

// Close cuts all connections, refuses new ones, and waits for the goroutines of the proxy.
func (p *Proxy) Close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.listener.Close()
	p.Cut()
	p.wg.Wait()
}

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.serve(client) })
	}
}

func (p *Proxy) serve(client net.Conn) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := net.DialTimeout("tcp", target, patience)
	if err != nil {
		client.Close()
		return
	}
	l := &link{client: client, server: server}
	p.mu.Lock()
	if p.closed {
		p.cut(l)
		p.mu.Unlock()
		return
	}
	p.links[l] = struct{}{}
	p.mu.Unlock()

	var up sync.WaitGroup
	up.Go(func() { p.upstream(l) })
	p.downstream(l)
	up.Wait()
}

// cut ends a link and whoever waits on it. The caller holds mu.
func (p *Proxy) cut(l *link) {
	l.cut = true
	l.client.Close()
	l.server.Close()
	delete(p.links, l)
	p.changed.Broadcast()
}

func (p *Proxy) drop(l *link) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut(l)
}

// pass waits while traffic is blocked, and reports whether the link still stands.
func (p *Proxy) pass(l *link) bool {
	for p.blocked && !l.cut {
		p.changed.Wait()
	}
	return !l.cut
}

// upstream passes on what the client sends.
func (p *Proxy) upstream(l *link) {
	defer p.drop(l)
	buf := make([]byte, 64<<10)
	var seen []byte // the end of what was sent, where a command may begin
	for {
		n, err := l.client.Read(buf)
		if err != nil {
			return
		}
		seen = append(seen, buf[:n]...)
		subscribes := subscribe.Match(seen)
		seen = append(seen[:0], seen[max(0, len(seen)-len("\r\nssubscribe\r\n")+1):]...)

		p.mu.Lock()
		l.subscribed = l.subscribed || subscribes
		ok := p.pass(l)
		p.mu.Unlock()
		if !ok {
			return
		}
		if _, err := l.server.Write(buf[:n]); err != nil {
			return
		}
	}
}

var subscribe = regexp.MustCompile(`(?i)\r\ns?subscribe\r\n`)

// downstream passes on what the server sends: once the client has subscribed, reply by
// reply, so that muting neither begins nor ends in the midst of one.
func (p *Proxy) downstream(l *link) {
	defer p.drop(l)
	r := bufio.NewReaderSize(l.server, 64<<10)
	for {
		if _, err := r.Peek(1); err != nil {
			return
		}
		p.mu.Lock()
		ok, subscribed := p.pass(l), l.subscribed
		p.mu.Unlock()
		if !ok {
			return
		}

		var out []byte
		if !subscribed {
			out, _ = r.Peek(r.Buffered())
			r.Discard(len(out))
		} else {
			v, err := readReply(r)
			if err != nil {
				return
			}
			p.mu.Lock()
			if p.muted {
				p.swallowed++
			} else {
				out = v.append(nil)
			}
			p.mu.Unlock()
		}
		if _, err := l.client.Write(out); err != nil {
			return
		}
	}
}
