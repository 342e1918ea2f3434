//go:build !unix

package main

import "log/slog"

// raiseFileLimit: other systems have no such limit.
func raiseFileLimit(*slog.Logger) {}
