package load

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// Options of a run. The zero value works where a server allows everything to everyone at
// [DefaultURL].
type Options struct {
	URL    string // of the server; default DefaultURL
	APIKey string // to publish with; default: none
	Token  string // of the clients; default: one that the server signs, or none without an API key
	Remote bool   // the server may be on another machine

	Namespace   string        // of the channels; default "bench"
	Clients     int           // at once; default 1,000
	Channels    int           // that the clients are spread over evenly; default: of the workload
	ConnectRate float64       // connections a second; default: as they come
	Connecting  int           // connections that are opened at once; default 64
	Rate        float64       // publications a second; default: of the workload
	Window      int           // instead of Rate: publications that are under way until all subscribers have them
	Publishers  int           // connections to publish over, at most one a channel; default 16, or the window
	Size        int           // bytes of a message's data; default 128
	Duration    time.Duration // of publishing; default 10 s
	Patience    time.Duration // how long to wait while nothing comes that should; default 5 s

	OnProgress func(Progress) // called each second; default: nothing
}

// Defaults of the options.
const (
	DefaultURL        = "http://127.0.0.1:8080" // where a server listens by default
	DefaultClients    = 1000
	DefaultConnecting = 64
	DefaultSize       = 128
	DefaultDuration   = 10 * time.Second
	DefaultPatience   = 5 * time.Second
	DefaultNamespace  = "bench"

	defaultPublishers = 16
)

// Bounds of the options.
const (
	MaxClients    = 25_000 // one address of a client has some 28,000 ports on Linux
	MaxRate       = 100_000
	MaxConnecting = 1024
	MaxWindow     = 1000
	MaxPublishers = 256
	MinSize       = headSize + 2 // quotes
	MaxSize       = 256 << 10
	MaxDuration   = time.Hour
)

// complete puts defaults into place and checks the rest.
func (o *Options) complete(w Workload) error {
	fill(&o.URL, DefaultURL)
	fill(&o.Namespace, DefaultNamespace)
	fill(&o.Clients, DefaultClients)
	fill(&o.Connecting, DefaultConnecting)
	fill(&o.Publishers, min(max(defaultPublishers, o.Window), MaxPublishers))
	fill(&o.Size, DefaultSize)
	fill(&o.Duration, DefaultDuration)
	fill(&o.Patience, DefaultPatience)
	if w.own {
		fill(&o.Channels, o.Clients)
	}
	fill(&o.Channels, 1)
	if o.Rate != 0 && o.Window != 0 {
		return errors.New("a rate and a window exclude each other")
	}
	if o.Window == 0 {
		fill(&o.Rate, w.Rate)
	}
	if _, err := pubsub.ParseChannel(o.Namespace + ":" + newRunID() + "-0"); err != nil {
		return fmt.Errorf("namespace %q: %w", o.Namespace, err)
	}
	return errors.Join(
		within("clients", o.Clients, 1, MaxClients),
		within("channels", o.Channels, 1, o.Clients),
		within("connections a second", o.ConnectRate, 0, MaxRate),
		within("connections that are opened at once", o.Connecting, 1, MaxConnecting),
		within("publications a second", o.Rate, 0, MaxRate),
		within("publications under way", o.Window, 0, MaxWindow),
		within("publishers", o.Publishers, 1, MaxPublishers),
		within("bytes of a message", o.Size, MinSize, MaxSize),
		within("time of publishing", o.Duration, 0, MaxDuration),
		within("patience", o.Patience, 0, MaxDuration),
	)
}

func within[T cmp.Ordered](what string, is, least, most T) error {
	if is >= least && is <= most { // NaN is neither
		return nil
	}
	return fmt.Errorf("%s: %v is not between %v and %v", what, is, least, most)
}

func fill[T comparable](field *T, value T) {
	if *field == *new(T) {
		*field = value
	}
}
