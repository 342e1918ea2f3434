// Command wsbridge is the server, and the tools around it.
//
//	wsbridge serve --dev                                try it, without keys
//	wsbridge publish orders:42 '{"state":"shipped"}'    publish a message
//	wsbridge listen orders:42                           print what comes
//	wsbridge chat                                       talk, with others and with examples/chat
//	wsbridge bench fanout                               put it under load
//
// Each subcommand has a file of its own. wsbridge --help lists them.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line.
type commands struct {
	Serve       serveCommand       `cmd:"" help:"Run the server."`
	Config      configCommand      `cmd:"" help:"Check or show the settings that serve would run with."`
	Publish     publishCommand     `cmd:"" help:"Publish a message."`
	Listen      listenCommand      `cmd:"" help:"Print the messages of channels as they come, one JSON object a line."`
	Chat        chatCommand        `cmd:"" help:"Talk with others, and exchange images and files."`
	Bench       benchCommand       `cmd:"" help:"Put a server under load, and check every message."`
	Token       tokenCommand       `cmd:"" help:"Sign a client's token with the first of the token keys."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask the server on this machine whether it is alive. Exit status 0: it is."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

// A terminal is what a command may touch of its surroundings.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	environ  []string

	// ctx ends with the first SIGINT or SIGTERM; serve, which distinguishes the second, asks
	// for signals by itself.
	ctx context.Context
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(os.Args[1:], &terminal{os.Stdin, os.Stdout, os.Stderr, os.Environ(), ctx}))
}

// Exit statuses.
const (
	statusOK     = 0
	statusFailed = 1
	statusUsage  = 2
)

func run(args []string, t *terminal) int {
	var c commands
	c.Serve.Plugins = c.Serve.settings.plugin()
	c.Config.Check.Plugins = c.Config.Check.settings.plugin()
	c.Config.Show.Plugins = c.Config.Show.settings.plugin()
	c.Token.Plugins = c.Token.settings.plugin()
	c.Healthcheck.Plugins = c.Healthcheck.settings.plugin()
	parser := kong.Must(&c,
		kong.Name("wsbridge"),
		kong.Description("HTTP to WebSocket, SSE, streaming and long polling: publish by POST, receive on any of them."),
		kong.Writers(t.out, t.err),
		benchDefaults(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}))
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintf(t.err, "wsbridge: %v; see wsbridge --help\n", err)
		return statusUsage
	}
	switch err := command.Run(t); {
	case err == nil, errors.Is(err, context.Canceled) && t.ctx.Err() != nil:
		return statusOK
	default:
		fmt.Fprintf(t.err, "wsbridge: %v\n", err)
		return statusFailed
	}
}
