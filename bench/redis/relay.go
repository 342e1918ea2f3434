package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/bench/internal/process"
)

// relayPath is the least that any instance could do: the shipped script, called by go-redis, and
// a process that subscribes and copies what comes, unread, to one connection. Whatever a message
// takes longer over wsbridge is wsbridge's own.
func (b *bench) relayPath(ctx context.Context, client *redis.Client, redisAddr string) (*path, error) {
	script, err := os.ReadFile(shippedScript)
	if err != nil {
		return nil, err
	}
	hash, err := client.ScriptLoad(ctx, string(script)).Result()
	if err != nil {
		return nil, err
	}
	sent, err := b.observe(ctx)
	if err != nil {
		return nil, err
	}
	sent = sent[2+sentKeys:]
	sent[argSender] = "" // each of its publications would have a number
	var records, topics []string
	for _, name := range names("relay:") {
		records = append(records, strings.Replace(record(0), string(channel(0)), name, 1))
		topics = append(topics, records[len(records)-1]+sent[argTopic])
	}
	relay, err := startRelay(ctx, redisAddr, topics)
	if err != nil {
		return nil, err
	}
	var args [senders][]any // a sender has one message under way
	for i := range args {
		for _, a := range sent {
			args[i] = append(args[i], a)
		}
	}
	messages := bufio.NewReader(relay)
	return &path{
		name: "`EVALSHA` of go-redis, the smallest relay",
		send: func(ctx context.Context, sender int, data []byte) error {
			id, err := uuid.NewV7()
			if err != nil {
				return err
			}
			args[sender][argBody] = id.String() + string(data)
			return client.EvalSha(ctx, hash, []string{records[sender], records[sender] + ":log"}, args[sender]...).Err()
		},
		receive: func() ([]byte, error) {
			if _, err := messages.ReadSlice(mark[0]); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
				return nil, err
			}
			number, err := messages.ReadSlice(mark[0])
			return slices.Concat([]byte(mark), number), err
		},
		close: relay.Close,
	}, nil
}

// startRelay starts a relay and connects to it. The relay ends with the connection.
func startRelay(ctx context.Context, redisAddr string, topics []string) (net.Conn, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := process.Command(ctx, self, "-way", "relay", "-addr", redisAddr, "-topics", strings.Join(topics, " "))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	go cmd.Wait() // it ends with the connection, or with ctx
	said, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("the relay: %w", err)
	}
	return net.Dial("tcp", strings.TrimSpace(said))
}

// relay subscribes to topics, prints where it listens, and copies what comes to who connects.
func relay(w io.Writer, redisAddr, topics string) error {
	from, err := net.Dial("tcp", redisAddr)
	if err != nil {
		return err
	}
	defer from.Close()
	if _, err := fmt.Fprintf(from, "SUBSCRIBE %s\r\n", topics); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintln(w, l.Addr())
	to, err := l.Accept()
	l.Close()
	if err != nil {
		return err
	}
	go func() {
		_, _ = to.Read(make([]byte, 1)) // the other end is closed
		from.Close()
	}()
	for b := make([]byte, 64<<10); ; { // not io.Copy, which would splice
		n, err := from.Read(b)
		if err != nil {
			return nil
		}
		if _, err := to.Write(b[:n]); err != nil {
			return nil
		}
	}
}
