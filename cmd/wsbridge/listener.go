package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 2 * time.Minute // longer than common load balancers keep a connection, so that they close it first
	maxHeader         = 64 << 10        // bytes: a cursor of 100 channels, twice, and a token
)

// A listener is an HTTP server on an address that was taken.
type listener struct {
	addr    net.Addr
	server  *http.Server
	serving sync.WaitGroup
}

// serve answers on a listener. There is no WriteTimeout: streams have no end, and transports bound
// each write by themselves.
func serve(h http.Handler, log *slog.Logger, failed chan<- error, l net.Listener) *listener {
	s := &listener{
		addr: l.Addr(),
		server: &http.Server{
			Handler:           h,
			ReadHeaderTimeout: readHeaderTimeout,
			IdleTimeout:       idleTimeout,
			MaxHeaderBytes:    maxHeader,
			ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		},
	}
	s.serving.Go(func() {
		if err := s.server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	})
	return s
}

// stop lets requests end until ctx does, then cuts them.
func (s *listener) stop(ctx context.Context) {
	if s.server.Shutdown(ctx) != nil {
		s.server.Close()
	}
	s.serving.Wait()
}
