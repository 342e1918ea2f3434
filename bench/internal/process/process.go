// Package process runs what the programs under bench measure as processes of their own: it builds
// wsbridge, starts servers on free ports of loopback, waits until they are ready, and ends them.
//
//	binary, err := process.Build(ctx, dir)
//	addr, err := process.FreeAddr()
//	server, err := process.Start(ctx, process.Program{Path: binary, Addr: addr, Ready: ...})
//	defer server.End()
//
// A process ends with its context at the latest.
package process

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const (
	startTime = 30 * time.Second // within which a server has to be ready
	endTime   = 10 * time.Second // after which a process that was asked to end is killed
)

// Build builds wsbridge into a directory, and returns the path of the binary.
func Build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "wsbridge")
	out, err := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/wsbridge/wsbridge/cmd/wsbridge").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building wsbridge: %w\n%s", err, out)
	}
	return binary, nil
}

// FreeAddr returns HOST:PORT of loopback where nobody listens.
func FreeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Command returns a program that is asked to end with the context.
func Command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = endTime
	return cmd
}

// A Program is a server that can be started.
type Program struct {
	Path  string
	Addr  string // HOST:PORT, where it will be reached
	Args  []string
	Env   []string    // NAME=VALUE, beside those of this process
	Ready func() bool // whether it serves; called until it does
}

// A Process is a server that runs.
type Process struct {
	Addr string // HOST:PORT
	ID   int    // of the process, as the system knows it

	cancel context.CancelFunc
	ended  chan struct{}
	said   bytes.Buffer // written until ended is closed
}

// Start starts a server, and waits until it is ready.
func Start(ctx context.Context, program Program) (*Process, error) {
	ctx, cancel := context.WithCancel(ctx)
	cmd := Command(ctx, program.Path, program.Args...)
	cmd.Env = append(os.Environ(), program.Env...)
	p := &Process{Addr: program.Addr, cancel: cancel, ended: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.said, &p.said
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	p.ID = cmd.Process.Pid
	go func() {
		_ = cmd.Wait() // how it ended does not matter
		close(p.ended)
	}()
	for deadline := time.Now().Add(startTime); !program.Ready(); {
		select {
		case <-p.ended:
			return nil, fmt.Errorf("%s ended: %s", cmd, p.End())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s is not ready after %v: %s", cmd, startTime, p.End())
		}
	}
	return p, nil
}

// End ends the process, waits for that, and returns what it has printed. It may be called again.
func (p *Process) End() (said string) {
	p.cancel()
	<-p.ended
	return p.said.String()
}

// Ready reports whether the wsbridge at HOST:PORT says that it is ready.
func Ready(addr string) bool {
	resp, err := http.Get("http://" + addr + "/readyz")
	if err != nil {
		return false
	}
	resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}
