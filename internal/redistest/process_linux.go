package redistest

import "syscall"

// attributes asks the kernel to kill the process when the test binary dies.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
