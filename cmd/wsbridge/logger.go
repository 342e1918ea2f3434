package main

import (
	"io"
	"log/slog"

	"github.com/wsbridge/wsbridge/internal/config"
)

// newLogger writes JSON for machines, and with --dev text for people.
func newLogger(w io.Writer, cfg *config.Config) *slog.Logger {
	o := &slog.HandlerOptions{Level: cfg.LogLevel}
	if cfg.Dev {
		return slog.New(slog.NewTextHandler(w, o))
	}
	return slog.New(slog.NewJSONHandler(w, o))
}
