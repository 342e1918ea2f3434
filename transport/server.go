package transport

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wsbridge/wsbridge/bridge"
	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/internal/wheel"
	"github.com/wsbridge/wsbridge/transport/internal/netpoll"
	"github.com/wsbridge/wsbridge/transport/websocket"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// A Server has an http.Handler for each way in which clients meet its bridge. All methods
// may be called at once from any goroutine.
type Server struct {
	bridge  *bridge.Bridge
	options Options
	born    time.Time // what its clock counts from
	origins auth.Origins
	proxies auth.Proxies

	wheel    *wheel.Wheel
	sessions sessions
	limits   limits

	// What serves lines without net/http.
	poller          *netpoll.Poller
	pumps           []*pump
	dealt           atomic.Uint32 // deals the pumps out
	workers         workers
	lines           httpLines
	front           *front // nil: everything is left to net/http
	plain, deflated *websocket.DecoderConfig

	// ctx bounds what is done for WebSockets, which have no request any more. It ends with Close.
	ctx    context.Context
	cancel context.CancelFunc
	// goroutines counts those of the server. Whoever adds one holds another, or is New, or
	// does it in the step that enters a session.
	goroutines sync.WaitGroup
}

// The wheel's resolution: nobody notices that a heartbeat or the end of a poll's wait comes
// this much late.
const (
	wheelTick  = 100 * time.Millisecond
	wheelSlots = 600 // a minute: hardly anything is scheduled for later
)

// New returns a server for the clients of b. It starts the goroutines of its wheel, pumps and
// poller; Close ends them. New panics when an allowed origin is not one.
func New(b *bridge.Bridge, o Options) *Server {
	s := &Server{bridge: b, options: o.withDefaults(), born: time.Now(), proxies: o.TrustedProxies}
	if o.LoopbackOnly {
		s.origins = auth.LoopbackOrigins()
	} else {
		var err error
		if s.origins, err = auth.ParseOrigins(o.AllowedOrigins); err != nil {
			panic("transport: " + err.Error())
		}
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.wheel = wheel.New(wheelTick, wheelSlots)
	s.goroutines.Go(s.wheel.Run)

	s.limits.init(s.options.Limits, s.maxCommand())
	limits := websocket.Limits{MaxMessage: s.maxCommand()}
	s.plain = websocket.NewDecoderConfig(websocket.ServerSide, false, limits)
	s.deflated = websocket.NewDecoderConfig(websocket.ServerSide, true, limits)
	s.workers.init()
	s.poller = netpoll.New(netpoll.Options{Portable: s.options.Portable})
	for range runtime.GOMAXPROCS(0) {
		p := newPump()
		s.pumps = append(s.pumps, p)
		s.goroutines.Go(p.run)
	}
	return s
}

// clock returns the time since the server was made.
func (s *Server) clock() time.Duration { return time.Since(s.born) }

// nextPump deals the pumps out.
func (s *Server) nextPump() *pump { return s.pumps[s.dealt.Add(1)%uint32(len(s.pumps))] }

// Finish lets the short requests that are under way be answered, until ctx ends, and closes the
// connections that are idle, as http.Server.Shutdown does with those of net/http. It is called
// behind that, which ends the listener of the front.
func (s *Server) Finish(ctx context.Context) error { return s.lines.finish(ctx) }

// Close ends all connections that are left at once, and waits for their goroutines and for
// handlers that serve one.
func (s *Server) Close() error {
	s.sessions.close()
	if s.front != nil {
		s.front.Close()
	}
	s.cancel()
	s.sessions.each(func(c *session) {
		c.end(ending{code: wire.CloseRestart})
		c.consumer.cut()
	})
	s.sessions.wait(context.Background())
	s.lines.close()
	s.poller.Close()
	for _, p := range s.pumps {
		p.close()
	}
	s.wheel.Close()
	s.goroutines.Wait()
	s.workers.close()
	return nil
}

// refuse answers a request that is not let in.
func (s *Server) refuse(w http.ResponseWriter, transport string, err error) {
	p := refusal(err)
	s.options.Observer.Refused(transport, string(p.Code))
	if p.Code == problem.Internal {
		s.options.Logger.Error("request failed", "transport", transport, "error", err)
	} else {
		// Not the error itself: it may repeat what the client sent.
		s.options.Logger.Debug("request refused", "transport", transport, "code", p.Code)
	}
	s.lastAnswer(w)
	problem.Write(w, p)
}

// lastAnswer tells an HTTP/1.1 client of a server that drains to connect anew.
func (s *Server) lastAnswer(w http.ResponseWriter) {
	if s.Draining() {
		w.Header().Set("Connection", "close")
	}
}

// checkMethod refuses the methods that are not among those given.
func checkMethod(w http.ResponseWriter, r *http.Request, methods ...string) error {
	if slices.Contains(methods, r.Method) {
		return nil
	}
	allowed := strings.Join(methods, ", ")
	w.Header().Set("Allow", allowed)
	return problem.New(problem.MethodNotAllowed, "this path takes %s", allowed)
}
