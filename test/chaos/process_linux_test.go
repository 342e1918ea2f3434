package chaos

import "syscall"

// attributes asks the kernel to kill the process when the thread that started it ends, which
// launch keeps for as long as the test binary lives.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }
