package main

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/alecthomas/kong"

	"github.com/wsbridge/wsbridge/internal/load"
)

// benchCommand puts a server under load. Each workload is a command below it.
type benchCommand struct {
	Connects connectsCommand `cmd:"" help:"Open WebSockets and keep them open."`
	Fanout   fanoutCommand   `cmd:"" help:"Publish to a channel that all clients are on, over WebSocket. Default rate: ${bench_fanout} a second."`
	Unicast  unicastCommand  `cmd:"" help:"Publish to clients one by one, over WebSocket. Default rate: ${bench_unicast} a second."`
	LongPoll longPollCommand `cmd:"" help:"Publish to clients one by one, over long polling. Default rate: ${bench_long_poll} a second."`
	SSE      sseCommand      `cmd:"" help:"Publish to a channel that all clients are on, over server-sent events. Default rate: ${bench_sse} a second."`
}

type (
	connectsCommand struct{ benchClients }
	fanoutCommand   struct{ benchTraffic }
	unicastCommand  struct{ benchTraffic }
	longPollCommand struct{ benchTraffic }
	sseCommand      struct{ benchTraffic }
)

func (c *connectsCommand) Run(t *terminal) error { return c.run(t, load.Connects, c.options()) }
func (c *fanoutCommand) Run(t *terminal) error   { return c.run(t, load.Fanout, c.options()) }
func (c *unicastCommand) Run(t *terminal) error  { return c.run(t, load.Unicast, c.options()) }
func (c *longPollCommand) Run(t *terminal) error { return c.run(t, load.LongPoll, c.options()) }
func (c *sseCommand) Run(t *terminal) error      { return c.run(t, load.SSE, c.options()) }

// benchDefaults are what the flags say of themselves.
func benchDefaults() kong.Vars {
	return kong.Vars{
		"bench_url":        load.DefaultURL,
		"bench_clients":    strconv.Itoa(load.DefaultClients),
		"bench_connecting": strconv.Itoa(load.DefaultConnecting),
		"bench_size":       strconv.Itoa(load.DefaultSize),
		"bench_namespace":  load.DefaultNamespace,
		"bench_duration":   load.DefaultDuration.String(),
		"bench_patience":   load.DefaultPatience.String(),
		"bench_fanout":     fmt.Sprint(load.Fanout.Rate),
		"bench_unicast":    fmt.Sprint(load.Unicast.Rate),
		"bench_long_poll":  fmt.Sprint(load.LongPoll.Rate),
		"bench_sse":        fmt.Sprint(load.SSE.Rate),
	}
}

// benchClients are the flags of all workloads.
type benchClients struct {
	URL    string `help:"The server." default:"${bench_url}" env:"WSBRIDGE_URL"`
	APIKey string `help:"API key, to publish with." env:"WSBRIDGE_API_KEY" placeholder:"KEY" name:"api-key"`
	Token  string `help:"Token of the clients. Default: with an API key, one that the server signs." env:"WSBRIDGE_TOKEN" placeholder:"JWT"`
	Remote bool   `help:"The server may be on another machine: it is mine, and the load disturbs nobody."`

	Clients     int           `help:"How many clients." default:"${bench_clients}"`
	Channels    int           `help:"How many channels to spread them over. Default: one each where they are published to one by one, else one for all." placeholder:"N"`
	ConnectRate float64       `help:"Connections a second at most. Default: as fast as they come." placeholder:"N"`
	Connecting  int           `help:"How many connections to open at once." default:"${bench_connecting}"`
	Size        int           `help:"Bytes of a message's data." default:"${bench_size}"`
	Namespace   string        `help:"Namespace of the channels." default:"${bench_namespace}"`
	Patience    time.Duration `help:"How long nothing may come before what is missing counts as lost." default:"${bench_patience}"`
	JSON        bool          `help:"Print the result as JSON."`
}

// benchTraffic are those of workloads that publish for a while.
type benchTraffic struct {
	benchClients

	Duration   time.Duration `help:"How long to publish." default:"${bench_duration}"`
	Rate       float64       `help:"Publications a second." placeholder:"N" xor:"pace"`
	Window     int           `help:"Instead of a rate: keep so many publications under way, each until all its subscribers have it." placeholder:"N" xor:"pace"`
	Publishers int           `help:"How many connections to publish over, at most one a channel. Default: 16, or the window." placeholder:"N"`
}

func (c *benchClients) options() load.Options {
	return load.Options{
		URL: c.URL, APIKey: c.APIKey, Token: c.Token, Remote: c.Remote,
		Clients: c.Clients, Channels: c.Channels, ConnectRate: c.ConnectRate, Connecting: c.Connecting,
		Size: c.Size, Namespace: c.Namespace, Patience: c.Patience,
	}
}

func (c *benchTraffic) options() load.Options {
	o := c.benchClients.options()
	o.Duration, o.Rate, o.Window, o.Publishers = c.Duration, c.Rate, c.Window, c.Publishers
	return o
}

// spareFiles is what is open beside clients, roughly.
const spareFiles = 100

// run prints the report on standard output, and everything else on standard error, so that
// --json gives a machine nothing but JSON.
func (c *benchClients) run(t *terminal, w load.Workload, o load.Options) error {
	if warning := tooFewFiles(raiseFiles(), c.Clients); warning != "" {
		fmt.Fprintln(t.err, "wsbridge: "+warning)
	}
	o.OnProgress = func(p load.Progress) {
		fmt.Fprintf(t.err, "%3.0f s: %d of %d clients connected, %d published, %d delivered, %.0f a second, %d wrong\n",
			p.Elapsed.Seconds(), p.Connected, p.Clients, p.Published, p.Delivered, p.PerSecond, p.Wrong)
	}
	report, err := load.Run(t.ctx, w, o)
	if err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(t.out)
		encoder.SetIndent("", "  ")
		err = encoder.Encode(report)
	} else {
		err = report.WriteTable(t.out)
	}
	if err != nil {
		return err
	}
	return report.Err()
}

// tooFewFiles returns a warning when fewer files may be open than there are to be clients.
func tooFewFiles(limit uint64, clients int) string {
	if clients < 0 || clients > load.MaxClients || limit >= uint64(clients)+spareFiles {
		return ""
	}
	return fmt.Sprintf("this process may open %d files, and %d clients need more: raise the limit with ulimit -n, that of the server as well", limit, clients)
}
