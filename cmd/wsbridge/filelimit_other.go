//go:build !unix

package main

import "math"

// raiseFiles returns no limit: other systems have none.
func raiseFiles() uint64 { return math.MaxUint64 }
