package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"
)

// Redis has one core to itself, and everyone else the other: what runs beside Redis on its
// core would be counted as Redis' time, and differently for each that is compared.
const (
	redisCore = "1"
	otherCore = "0"
)

// pin starts this program again, on its core. It returns if that is not possible.
func pin() {
	taskset, err1 := exec.LookPath("taskset")
	self, err2 := os.Executable()
	if err1 == nil && err2 == nil {
		_ = syscall.Exec(taskset, append([]string{"taskset", "-c", otherCore, self, "-pinned"}, os.Args[1:]...), os.Environ())
	}
}

// A bench starts the processes that are measured.
type bench struct {
	dir      string // with the binary and what servers may write
	wsbridge string
	version  string // of redis-server
	pinned   bool
}

func newBench(ctx context.Context, pinned bool) (*bench, error) {
	dir, err := os.MkdirTemp("", "wsbridge-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{dir: dir, wsbridge: filepath.Join(dir, "wsbridge"), pinned: pinned}
	version, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		b.close()
		return nil, fmt.Errorf("redis-server: %w", err)
	}
	_, rest, _ := strings.Cut(string(version), "v=")
	b.version, _, _ = strings.Cut(rest, " ")
	if out, err := exec.CommandContext(ctx, "go", "build", "-o", b.wsbridge, "github.com/wsbridge/wsbridge/cmd/wsbridge").CombinedOutput(); err != nil {
		b.close()
		return nil, fmt.Errorf("building wsbridge: %w\n%s", err, out)
	}
	return b, nil
}

func (b *bench) close() { os.RemoveAll(b.dir) }

func (b *bench) cores() string {
	if b.pinned {
		return "alone on core " + redisCore + ", all else on core " + otherCore
	}
	return "and all else on any core"
}

// command is a program that is asked to end with the context.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// A process is a server that runs.
type process struct {
	addr string // HOST:PORT
	end  func()
}

// start starts a server on a free port, and waits until it is ready.
func (b *bench) start(ctx context.Context, ready func(addr string) bool, run func(ctx context.Context, addr, port string) *exec.Cmd) (*process, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	addr := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(ctx)
	cmd := run(ctx, addr, strconv.Itoa(l.Addr().(*net.TCPAddr).Port))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		cancel()
		return nil, err
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // how it ended does not matter
		close(ended)
	}()
	p := &process{addr: addr, end: func() { cancel(); <-ended }}
	for deadline := time.Now().Add(30 * time.Second); !ready(addr); {
		select {
		case <-ended:
			p.end()
			return nil, fmt.Errorf("%s ended: %s", cmd, &said)
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			p.end()
			return nil, fmt.Errorf("%s is not ready after 30 s", cmd)
		}
	}
	return p, nil
}

// redis starts a Redis that is empty and keeps nothing on disk.
func (b *bench) redis(ctx context.Context) (*process, *redis.Client, error) {
	var client *redis.Client
	p, err := b.start(ctx, func(addr string) bool {
		if client == nil {
			client = redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
		}
		return client.Ping(ctx).Err() == nil
	}, func(ctx context.Context, _, port string) *exec.Cmd {
		args := []string{
			"redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", b.dir,
			"--save", "", "--appendonly", "no", "--loglevel", "warning", "--maxmemory-policy", "noeviction",
		}
		if b.pinned {
			args = append([]string{"taskset", "-c", redisCore}, args...)
		}
		return command(ctx, args[0], args[1:]...)
	})
	return p, client, err
}

// instance starts a wsbridge on a Redis.
func (b *bench) instance(ctx context.Context, redisAddr string) (*process, error) {
	return b.start(ctx, func(addr string) bool {
		resp, err := http.Get("http://" + addr + "/readyz")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, func(ctx context.Context, addr, _ string) *exec.Cmd {
		cmd := command(ctx, b.wsbridge, "serve", "--dev")
		cmd.Env = append(os.Environ(),
			"WSBRIDGE_ADDR="+addr, "WSBRIDGE_ADMIN_ADDR=off", "WSBRIDGE_REDIS_URL=redis://"+redisAddr,
			"WSBRIDGE_DRAIN_DELAY=0s", "WSBRIDGE_DRAIN=0s", "WSBRIDGE_LOG_LEVEL=error")
		return cmd
	})
}
