package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/bench/internal/process"
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
	b := &bench{dir: dir, pinned: pinned}
	version, err := exec.CommandContext(ctx, "redis-server", "--version").Output()
	if err != nil {
		b.close()
		return nil, fmt.Errorf("redis-server: %w", err)
	}
	_, rest, _ := strings.Cut(string(version), "v=")
	b.version, _, _ = strings.Cut(rest, " ")
	if b.wsbridge, err = process.Build(ctx, dir); err != nil {
		b.close()
		return nil, err
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

// redis starts a Redis that is empty and keeps nothing on disk.
func (b *bench) redis(ctx context.Context) (*process.Process, *redis.Client, error) {
	addr, err := process.FreeAddr()
	if err != nil {
		return nil, nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, nil, err
	}
	args := []string{
		"redis-server", "--port", port, "--bind", "127.0.0.1", "--dir", b.dir,
		"--save", "", "--appendonly", "no", "--loglevel", "warning", "--maxmemory-policy", "noeviction",
	}
	if b.pinned {
		args = append([]string{"taskset", "-c", redisCore}, args...)
	}
	client := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	p, err := process.Start(ctx, process.Program{
		Addr: addr, Path: args[0], Args: args[1:],
		Ready: func() bool { return client.Ping(ctx).Err() == nil },
	})
	if err != nil {
		client.Close()
		return nil, nil, err
	}
	return p, client, nil
}

// instance starts a wsbridge on a Redis.
func (b *bench) instance(ctx context.Context, redisAddr string) (*process.Process, error) {
	addr, err := process.FreeAddr()
	if err != nil {
		return nil, err
	}
	return process.Start(ctx, process.Program{
		Addr: addr, Path: b.wsbridge, Args: []string{"serve", "--dev"},
		Env: []string{
			"WSBRIDGE_ADDR=" + addr, "WSBRIDGE_ADMIN_ADDR=off", "WSBRIDGE_REDIS_URL=redis://" + redisAddr,
			"WSBRIDGE_DRAIN_DELAY=0s", "WSBRIDGE_DRAIN=0s", "WSBRIDGE_LOG_LEVEL=error",
		},
		Ready: func() bool { return process.Ready(addr) },
	})
}
