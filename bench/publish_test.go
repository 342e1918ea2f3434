package bench

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/wsbridge/wsbridge/pubsub"
)

// BenchmarkPublish is the way of one message from its request to its answer: through the bridge
// alone, through the handler, and over a connection.
func BenchmarkPublish(b *testing.B) {
	b.Run("bridge", func(b *testing.B) {
		s := openSite(b)
		for b.Loop() {
			s.publish(b, "orders:42")
		}
	})
	b.Run("handler", func(b *testing.B) {
		s := openSite(b)
		body := bytes.NewReader(data)
		r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://localhost/v1/channels/orders:42/messages", io.NopCloser(body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.ContentLength = int64(len(data))
		w := &discard{header: make(http.Header)}
		for b.Loop() {
			body.Reset(data)
			clear(w.header)
			s.handler.ServeHTTP(w, r)
			if w.status != http.StatusCreated {
				b.Fatal(w.status)
			}
		}
	})
	b.Run("connection", func(b *testing.B) {
		s := openSite(b)
		c := s.dial(b)
		request := publishing("orders:42")
		for b.Loop() {
			c.send(request)
			c.answer(http.StatusCreated)
		}
	})
	b.Run("connections", func(b *testing.B) {
		s := openSite(b)
		var conns []*conn
		for range runtime.GOMAXPROCS(0) {
			conns = append(conns, s.dial(b))
		}
		var next atomic.Int64
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			i := next.Add(1) - 1
			c := conns[i]
			request := publishing(pubsub.Channel("orders:" + strconv.FormatInt(i, 10)))
			for pb.Next() {
				c.send(request)
				c.answer(http.StatusCreated)
			}
		})
	})
	b.Run("batch of 100", func(b *testing.B) {
		s := openSite(b)
		c := s.dial(b)
		var items []byte
		for i := range 100 {
			items = fmt.Appendf(items, `,{"channel":"orders:%d","data":%s}`, i, data)
		}
		body := fmt.Appendf(nil, `{"messages":[%s]}`, items[1:])
		request := posting("/v1/messages", body)
		for b.Loop() {
			c.send(request)
			c.answer(http.StatusOK)
		}
	})
}

func publishing(c pubsub.Channel) []byte {
	return posting("/v1/channels/"+string(c)+"/messages", data)
}

func posting(path string, body []byte) []byte {
	return append(fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", path, len(body)), body...)
}

// discard is a ResponseWriter that keeps nothing but the status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
