package websocket

import (
	"bytes"
	"io"
	"testing"
)

// deflateFor returns the parameters that two ends with these options agree on.
func deflateFor(t testing.TB, server, client *DeflateOptions) *DeflateParams {
	t.Helper()
	offers, ok := extensions(map[string][]string{headerExtensions: {client.offer()}})
	if !ok {
		t.Fatalf("malformed offer %q", client.offer())
	}
	p := acceptDeflate(offers, server)
	if p == nil {
		t.Fatalf("declined %q", client.offer())
	}
	return p
}

// TestMessagesBothWays sends messages around every length form in both directions, over every kind of connection, and
// reads them back whole and in pieces.
func TestMessagesBothWays(t *testing.T) {
	takeover := &DeflateOptions{ServerContextTakeover: true, ClientContextTakeover: true, Threshold: -1}
	small := &DeflateOptions{ServerContextTakeover: true, ServerMaxWindowBits: 9, ClientMaxWindowBits: 10, Threshold: -1}
	for name, options := range map[string]*DeflateOptions{"plain": nil, "deflate": {}, "takeover": takeover, "windows": small} {
		for _, pair := range []string{"pipe", "tcp"} {
			t.Run(name+"/"+pair, func(t *testing.T) {
				var cfg Config
				cfg.Options.Limits.MaxMessage = -1
				if options != nil {
					cfg.Deflate, cfg.Deflation = deflateFor(t, options, options), options
				}
				connect := pipePair
				if pair == "tcp" {
					connect = tcpPair
				}
				s, c := connect(t, cfg, cfg)
				converse(t, s, c)
				converse(t, c, s)
			})
		}
	}
}

func converse(t *testing.T, from, to *Conn) {
	ctx := within(t)
	sizes := []int{0, 1, 125, 126, 127, 511, 512, 4095, 4096, 4097, 65535, 65536, 200_000}
	done := make(chan error, 1)
	go func() {
		for i, n := range sizes {
			msg := bytes.Repeat([]byte{'a' + byte(i)}, n)
			if err := from.WriteMessage(OpText, msg); err != nil {
				done <- err
				return
			}
			w, err := from.Writer(OpBinary)
			if err != nil {
				done <- err
				return
			}
			w.Write(msg[:n/2])
			if i%2 == 0 {
				w.Flush()
			}
			w.Write(msg[n/2:])
			if err := w.Close(); err != nil {
				done <- err
				return
			}
		}
		done <- nil
	}()
	for i, n := range sizes {
		want := bytes.Repeat([]byte{'a' + byte(i)}, n)
		op, got, err := to.ReadMessage(ctx, nil)
		if n > defaultMaxMessage {
			t.Fatal("sizes are above what ReadMessage takes")
		}
		if err != nil || op != OpText || !bytes.Equal(got, want) {
			t.Fatalf("message of %d bytes: %v, %v, %d bytes", n, err, op, len(got))
		}
		op, r, err := to.Next(ctx)
		if err != nil || op != OpBinary {
			t.Fatalf("next: %v, %v", op, err)
		}
		var streamed bytes.Buffer
		if i%2 == 0 {
			_, err = io.Copy(&streamed, r)
		} else {
			_, err = io.CopyBuffer(&streamed, struct{ io.Reader }{r}, make([]byte, 1000))
		}
		if err != nil || !bytes.Equal(streamed.Bytes(), want) {
			t.Fatalf("streamed %d bytes: %v, got %d", n, err, streamed.Len())
		}
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
