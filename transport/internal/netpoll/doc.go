// Package netpoll holds connections that cost next to nothing while nothing happens on them:
// no goroutine, no buffer, no timer.
//
//	p := netpoll.New(netpoll.Options{})
//	c, err := p.Take(nc, handler) // nc belongs to c from now on
//	c.Start()                     // handler.Input is called from here on
//	n, err := c.Write(b)          // takes what there is room for, never waits
//
// On Linux, sockets are watched by epoll, with as many loops as there are processors, each on
// a goroutine of its own that is parked in the runtime's poller while it has nothing to do.
// Everything else (TLS, other systems, [Options.Portable]) gets a reading goroutine for each
// connection, behind the same methods, so that what is built on them has one code path.
//
// # How a loop stays fair
//
// A connection is read once a turn, into a buffer of 64 KiB that the loop's connections share.
// One that filled it comes again after all others. A handler that needs longer for what it was
// given says so (it returns false from Input), and goes on by [Conn.Resume] from a goroutine of
// its own.
//
// # Who may call what
//
// Input and Gone come one after the other for each connection, from the loop or from who
// calls Resume; Writable may come at the same time. The methods of a Conn may be called at
// once from anywhere, but Write by one goroutine at a time. After Close has returned, a
// call of the handler that had begun may still be under way.
package netpoll
