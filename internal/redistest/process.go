package redistest

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// A process is a program that runs, with everything it forks in a process group of its own.
type process struct {
	pid  int
	done chan struct{} // closed when it has ended
}

// launch starts a program that writes its output to log.
func launch(log *os.File, name string, args ...string) (*process, error) {
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = attributes()
	p := &process{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel takes the end of the thread that forked for the death of the parent
		// (prctl(2), PR_SET_PDEATHSIG). So this thread stays for as long as the process.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return p, nil
}

// kill ends the process and its children, frozen or not, and waits for its end.
func (p *process) kill() {
	if p.ended() {
		return // and its number may be someone else's by now
	}
	syscall.Kill(-p.pid, syscall.SIGKILL)
	<-p.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// stop freezes the process, and waits until the kernel says that it stands.
func (p *process) stop() error {
	if err := syscall.Kill(-p.pid, syscall.SIGSTOP); err != nil {
		return err
	}
	for {
		_, err := syscall.Wait4(p.pid, nil, syscall.WUNTRACED, nil)
		if err != syscall.EINTR {
			return err
		}
	}
}

func (p *process) resume() error { return syscall.Kill(-p.pid, syscall.SIGCONT) }
