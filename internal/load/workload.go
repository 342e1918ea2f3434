package load

import "context"

// A Workload is one kind of load.
type Workload struct {
	Name      string
	Transport string  // how clients connect
	Rate      float64 // publications a second, by default

	open    opener
	own     bool // each client has a channel of its own by default, else all share one
	once    bool // one publication a channel, at the end
	publish func(context.Context, *run) error
}

// forAWhile publishes as long as the options say.
func forAWhile(ctx context.Context, r *run) error { return r.publish(ctx) }
