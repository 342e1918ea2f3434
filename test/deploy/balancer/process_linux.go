package balancer

import "syscall"

// attributes asks the kernel to end the process when the thread that started it ends: with the
// test binary, however that ends.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM} }
