package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"github.com/wsbridge/wsbridge/bench/internal/process"
	"github.com/wsbridge/wsbridge/pubsub"
)

// shippedScript is what the broker runs for each message.
const shippedScript = "pubsub/redisbroker/scripts/publish.lua"

// rates prints how many publications a second go through, and returns what part of
// redis-benchmark's Broker.Publish reaches.
func (b *bench) rates(ctx context.Context, w io.Writer, p plan) (share float64, err error) {
	fmt.Fprintf(w, "Publications a second: %d bytes, %d channels, Redis empty and without persistence for every run\n\n", payloadSize, channels)
	script, err := os.ReadFile(shippedScript)
	if err != nil {
		return 0, err
	}
	sent, err := b.observe(ctx)
	if err != nil {
		return 0, fmt.Errorf("what the broker sends: %w", err)
	}
	ways := []struct {
		name  string
		count int
		run   func(addr string, n int) (float64, error)
		rates []float64
	}{
		{name: "redis-benchmark -c 64 -P 16 with the script", count: p.publishes, run: func(addr string, n int) (float64, error) {
			return b.redisBenchmark(ctx, addr, string(script), sent, n)
		}},
		{name: "Broker.Publish, 64 goroutines", count: p.publishes, run: func(addr string, n int) (float64, error) {
			return b.load(ctx, "broker", addr, n)
		}},
		{name: "POST of one message, 64 connections", count: p.requests, run: func(addr string, n int) (float64, error) {
			return b.overHTTP(ctx, "single", addr, n)
		}},
		{name: "POST of 100 messages, 64 connections", count: 10 * p.requests, run: func(addr string, n int) (float64, error) {
			return b.overHTTP(ctx, "batch", addr, n)
		}},
	}
	for range p.rounds {
		for i := range ways {
			way := &ways[i]
			server, client, err := b.redis(ctx)
			if err != nil {
				return 0, err
			}
			rate, err := way.run(server.Addr, way.count)
			if err == nil {
				err = stored(ctx, client, way.count)
			}
			client.Close()
			server.End()
			if err != nil {
				return 0, fmt.Errorf("%s: %w", way.name, err)
			}
			way.rates = append(way.rates, rate)
		}
	}
	base := median(ways[0].rates)
	fmt.Fprintf(w, "| way | median | of redis-benchmark | rounds |\n| --- | ---: | ---: | --- |\n")
	for _, way := range ways {
		fmt.Fprintf(w, "| %s | %.0f | %.2f | %.0f |\n", way.name, median(way.rates), median(way.rates)/base, way.rates)
	}
	return median(ways[1].rates) / base, nil
}

// observe returns the arguments that the broker gives the script for one message, as Redis
// sees them: the hash of the script, then the number of keys and all that follows.
func (b *bench) observe(ctx context.Context) ([]string, error) {
	server, client, err := b.redis(ctx)
	if err != nil {
		return nil, err
	}
	defer server.End()
	defer client.Close()
	broker, err := startBroker(ctx, server.Addr)
	if err != nil {
		return nil, err
	}
	defer broker.Close()
	// Not by go-redis, whose Monitor gives its connection back to the pool while it reads from it.
	monitor, err := net.Dial("tcp", server.Addr)
	if err != nil {
		return nil, err
	}
	defer monitor.Close()
	defer context.AfterFunc(ctx, func() { monitor.Close() })()
	fmt.Fprint(monitor, "MONITOR\r\n")
	lines := bufio.NewReader(monitor)
	switch said, err := lines.ReadString('\n'); {
	case err != nil:
		return nil, err
	case !strings.HasPrefix(said, "+OK"):
		return nil, fmt.Errorf("MONITOR is answered with %q", said)
	}
	id, err := uuid.NewV7()
	if err != nil {
		return nil, err
	}
	if _, err := broker.Publish(ctx, pubsub.Publication{Channel: channel(0), ID: id, Data: payload()}); err != nil {
		return nil, err
	}
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, err
		}
		if args := words(strings.TrimSpace(line)); len(args) > 3 && args[0] == "evalsha" && strings.HasPrefix(args[3], record(0)) {
			return args[1:], nil
		}
	}
}

// words splits a line of MONITOR, "TIME [DB ADDR] "evalsha" "…" …", into what was sent.
func words(line string) (words []string) {
	_, rest, _ := strings.Cut(line, "] ")
	for rest != "" {
		quoted, err := strconv.QuotedPrefix(rest)
		if err != nil {
			return words
		}
		word, _ := strconv.Unquote(quoted)
		words = append(words, word)
		rest = strings.TrimPrefix(rest[len(quoted):], " ")
	}
	return words
}

// Places in what the broker sends for a message, and how many keys stand in front.
const (
	sentKeys  = 2
	argBody   = 0
	argTopic  = 8 // what stands behind the record's name in the topic
	argSender = 9
	idLength  = 36
)

// redisBenchmark runs the script with the arguments of the broker, but for what redis-benchmark
// cannot do. It has one random name for each command, so the script makes the second key out of
// the first. It cannot count, so its publications have no sender, which saves the script a
// little. Its arguments hold no zero bytes, so behind the id the body is letters.
func (b *bench) redisBenchmark(ctx context.Context, addr string, script string, sent []string, n int) (float64, error) {
	client := redis.NewClient(&redis.Options{Addr: addr, Protocol: 2})
	defer client.Close()
	hash, err := client.ScriptLoad(ctx, script).Result()
	if err != nil {
		return 0, err
	}
	if hash != sent[0] {
		return 0, fmt.Errorf("the broker runs another script than %s", shippedScript)
	}
	args := slices.Clone(sent[2+sentKeys:])
	args[argBody] = args[argBody][:idLength] + strings.Repeat("x", len(args[argBody])-idLength)
	args[argSender] = ""
	_, port, _ := strings.Cut(addr, ":")
	out, err := process.Command(ctx, "redis-benchmark", append([]string{
		"-p", port, "-c", strconv.Itoa(publishers), "-P", "16", "-n", strconv.Itoa(n), "-r", strconv.Itoa(channels), "--csv",
		"evalsha", hash, "1", strings.Replace(record(0), fmt.Sprintf("%012d", 0), "__rand_int__", 1),
	}, args...)...).Output()
	if err != nil {
		return 0, err
	}
	// A line of headings, then one of results: the command, the rate, and six more numbers.
	fields := strings.Split(string(out), `","`)
	if len(fields) < 15 {
		return 0, fmt.Errorf("redis-benchmark says %q", out)
	}
	return strconv.ParseFloat(fields[len(fields)-7], 64)
}

// load publishes from a process of its own, as redis-benchmark does, and returns how many
// messages were stored in a second.
func (b *bench) load(ctx context.Context, way, addr string, n int) (float64, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := process.Command(ctx, self, "-way", way, "-addr", addr, "-publishes", strconv.Itoa(n))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, err
	}
	took, err := time.ParseDuration(strings.TrimSpace(string(out)))
	return float64(n) / took.Seconds(), err
}

// overHTTP is load by way of an instance, which shares the core of whoever asks it.
func (b *bench) overHTTP(ctx context.Context, way, redisAddr string, n int) (float64, error) {
	instance, err := b.instance(ctx, redisAddr)
	if err != nil {
		return 0, err
	}
	defer instance.End()
	return b.load(ctx, way, instance.Addr, n)
}

// stored fails unless the logs hold n messages.
func stored(ctx context.Context, client *redis.Client, n int) error {
	pipe := client.Pipeline()
	var lengths []*redis.IntCmd
	for i := range channels {
		lengths = append(lengths, pipe.XLen(ctx, record(i)+":log"))
	}
	if _, err := pipe.Exec(ctx); err != nil {
		return err
	}
	sum := 0
	for _, length := range lengths {
		sum += int(length.Val())
	}
	if sum < n { // redis-benchmark sends whole pipelines
		return fmt.Errorf("%d messages are stored of %d", sum, n)
	}
	return nil
}
