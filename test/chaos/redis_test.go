package chaos

import (
	"slices"
	"time"

	"github.com/wsbridge/wsbridge/client/raw"
	"github.com/wsbridge/wsbridge/internal/redistest"
	"github.com/wsbridge/wsbridge/pubsub"
)

// single leads all instances to one server.
func single(s *redistest.Server) func(int) string {
	return func(int) string { return "redis://" + s.Addr() + "/0" }
}

// behind makes a proxy in front of a server for each instance.
func (r *run) behind(s *redistest.Server) (proxies []*redistest.Proxy, url func(int) string) {
	for range most {
		proxies = append(proxies, redistest.NewProxy(r.t, s.Addr()))
	}
	return proxies, func(n int) string { return "redis://" + proxies[n].Addr() + "/0" }
}

// frozen: Redis stands still for some seconds, with all connections open.
var frozen = scenario{name: "redis frozen", play: func(r *run) {
	redis := redistest.Start(r.t)
	r.start(single(redis))
	r.calmBefore()
	lines := r.lines(connected...)
	redis.Freeze()
	r.silence(r.between(2*time.Second, 6*time.Second))
	redis.Thaw()
	r.calmAfter()
	r.stayed(lines)
}}

// away: WebSockets outlive ten seconds without Redis.
var away = scenario{name: "redis away for 10 s", play: func(r *run) {
	redis := redistest.StartAOF(r.t, "--appendfsync", "always")
	for range 5 {
		r.more = append(r.more, raw.WebSocket)
	}
	r.start(single(redis))
	r.calmBefore()
	lines := r.lines(connected...)
	if r.rng.IntN(2) == 0 {
		redis.Freeze()
		r.silence(10 * time.Second)
		r.unavailable()
		redis.Thaw()
	} else {
		redis.Kill()
		r.silence(10 * time.Second)
		r.unavailable()
		redis.Restart()
	}
	r.calmAfter()
	r.stayed(lines)
}}

// killed: Redis crashes and comes back with its append-only file. It is synced with each
// write, so that nothing that was acknowledged can be missing.
var killed = scenario{name: "redis killed, restarted with its file", play: func(r *run) {
	redis := redistest.StartAOF(r.t, "--appendfsync", "always")
	r.start(single(redis))
	r.calmBefore()
	lines := r.lines(connected...)
	pid := redis.PID()
	redis.Kill()
	r.silence(r.between(100*time.Millisecond, 3*time.Second))
	redis.Restart()
	r.prove(redis.PID() != pid, "redis-server %d came in the place of %d", redis.PID(), pid)
	r.calmAfter()
	r.stayed(lines)
}}

// emptied: Redis comes back without anything.
var emptied = scenario{
	name: "redis restarted empty", lossy: []pubsub.Reason{pubsub.Replaced}, loses: true,
	play: func(r *run) {
		redis := redistest.Start(r.t)
		r.start(single(redis))
		r.calmBefore()
		redis.Kill()
		r.pass(r.between(0, 2*time.Second))
		redis.RestartEmpty()
		r.calmAfter()
	},
}

// unsubscribed: the connections that announcements come by are closed, again and again.
var unsubscribed = scenario{name: "subscription lines killed", play: func(r *run) {
	redis := redistest.Start(r.t)
	r.start(single(redis))
	r.calmBefore()
	for range 10 {
		n := 0
		r.prove(r.within(patience, func() bool { n = redis.ClientKill("pubsub"); return n > 0 }), "CLIENT KILL closed %d lines", n)
		r.whisper()
		r.pass(r.between(0, 400*time.Millisecond))
	}
	r.calmAfter()
}}

// cutOff: an instance reaches Redis no more while others go on, and its connections break.
var cutOff = scenario{name: "an instance cut off from redis", play: func(r *run) {
	redis := redistest.Start(r.t)
	proxies, url := r.behind(redis)
	for range 6 {
		r.more = append(r.more, raw.WebSocket)
	}
	r.start(url)
	r.calmBefore()
	n := r.crowded()
	proxies[n].Block(true)
	r.whispers.url = r.instances[(n+1)%len(r.instances)].url()
	for range 5 {
		r.whisper()
	}
	cut := proxies[n].Cut()
	r.prove(cut > 0, "%d connections of an instance were cut", cut)
	proxies[n].Block(false)
	r.calmAfter()
}}

// muted: announcements are swallowed on lines that look alive, of one instance or of all.
var muted = scenario{name: "announcements muted", play: func(r *run) {
	redis := redistest.Start(r.t)
	proxies, url := r.behind(redis)
	for range 6 {
		r.more = append(r.more, raw.WebSocket)
	}
	r.start(url)
	r.calmBefore()
	first, last := r.crowded(), 0
	if last = first; r.rng.IntN(2) == 0 {
		first, last = 0, len(r.instances)-1
	}
	deaf, proxies := r.instances[first:last+1], proxies[first:last+1]
	for _, p := range proxies {
		p.Mute(true)
	}
	r.traffic(300)
	for range 5 {
		r.whisper()
	}
	for n, i := range deaf {
		r.prove(proxies[n].Swallowed() > 0, "%d announcements to %s were swallowed", proxies[n].Swallowed(), i.addr)
	}
	r.prove(r.within(patience/4, func() bool {
		return !slices.ContainsFunc(deaf, func(i *instance) bool { return i.readiness() != "degraded" })
	}), "%d instances say that they are degraded", len(deaf))
	for _, i := range deaf {
		r.prove(i.metric("wsbridge_redis_lines_dead") > 0, "%s counts dead lines", i.addr)
	}
	r.caughtUp("while pub/sub was muted")
	for _, p := range proxies {
		p.Mute(false)
	}
	for _, i := range deaf {
		r.prove(r.within(patience, func() bool { return i.readiness() == "ok" }), "%s is well again", i.addr)
	}
	r.calmAfter()
}}
