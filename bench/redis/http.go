package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const batchSize = 100

// A poster is a keep-alive connection over which a backend publishes.
type poster struct {
	conn net.Conn
	r    *bufio.Reader
}

func dialPoster(ctx context.Context, addr string) (*poster, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return &poster{conn, bufio.NewReader(conn)}, nil
}

// post sends a request and reads the answer, which has to have the status.
func (p *poster) post(request []byte, status int) error {
	p.conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := p.conn.Write(request); err != nil {
		return err
	}
	resp, err := http.ReadResponse(p.r, nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != status || status == http.StatusOK && !strings.HasSuffix(strings.TrimSpace(string(body)), `"failed":0}`) {
		return fmt.Errorf("%s: %s", resp.Status, body)
	}
	return nil
}

func request(path string, body []byte) []byte {
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", path, len(body), body)
}

// singles are requests with one message each.
func singles() [][]byte {
	requests := make([][]byte, channels)
	for i := range requests {
		requests[i] = request("/v1/channels/"+string(channel(i))+"/messages", payload().Bytes)
	}
	return requests
}

// batches are requests with 100 messages each, to as many channels.
func batches() [][]byte {
	requests := make([][]byte, channels/batchSize)
	for i := range requests {
		var items []string
		for k := range batchSize {
			items = append(items, fmt.Sprintf(`{"channel":%q,"data":%s}`, channel(i*batchSize+k), payload().Bytes))
		}
		requests[i] = request("/v1/messages", []byte(`{"messages":[`+strings.Join(items, ",")+`]}`))
	}
	return requests
}

// overHTTP sends n requests in turn over 64 connections.
func overHTTP(ctx context.Context, addr string, n int, requests [][]byte, status int) (time.Duration, error) {
	start := time.Now()
	err := spread(n, func(next func() (int, bool)) error {
		p, err := dialPoster(ctx, addr)
		if err != nil {
			return err
		}
		defer p.conn.Close()
		for i, ok := next(); ok; i, ok = next() {
			if err := p.post(requests[i%len(requests)], status); err != nil {
				return err
			}
		}
		return nil
	})
	return time.Since(start), err
}
