//go:build !unix

package main

import (
	"log/slog"
	"math"
)

// Other systems have no such limit.

func raiseFileLimit(*slog.Logger) {}

func raiseFiles() uint64 { return math.MaxUint64 }
