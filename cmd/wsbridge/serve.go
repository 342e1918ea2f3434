package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type serveCommand struct {
	Dev  bool `help:"Try it: no keys, everyone may do everything, a page at /, on 127.0.0.1:8080 unless told otherwise." xor:"mode"`
	Demo bool `help:"Serve the page at / with keys in force." xor:"mode"`

	settings `kong:"-"`
	kong.Plugins
}

// Run serves until SIGTERM or SIGINT, then stops in order. A second signal stops at once.
func (c *serveCommand) Run(t *terminal) error {
	cfg, err := c.load(t, c.Dev)
	if err != nil {
		return err
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	log := newLogger(t.err, cfg)
	for _, warning := range cfg.Warnings() {
		log.Warn(warning)
	}
	cfg.MaxConnections = maxConnections(cfg.MaxConnections, raiseFiles(), log)

	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(signals)

	i, err := start(cfg, c.Demo, log)
	if err != nil {
		return err
	}
	switch err := i.begin(signals, func() { i.hello(t.err) }); {
	case errors.Is(err, errStopped):
		log.Info("stopped")
		return nil
	case err != nil:
		return err
	}
	select {
	case s := <-signals:
		log.Info("stopping", "signal", s.String(), "drain_delay", cfg.DrainDelay, "drain", cfg.Drain)
	case err = <-i.failed:
		log.Error("a listener failed", "error", err)
	}
	orderly, atOnce := context.WithCancel(context.Background())
	defer atOnce()
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		i.stop(orderly)
	}()
	select {
	case <-stopped:
	case s := <-signals:
		log.Warn("stopping at once", "signal", s.String())
		atOnce()
		<-stopped
	}
	log.Info("stopped")
	return err
}
