//go:build !linux

package chaos

import "syscall"

// attributes: elsewhere what the test started outlives it when it crashes.
func attributes() *syscall.SysProcAttr { return nil }
