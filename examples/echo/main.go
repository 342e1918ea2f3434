// Command echo sends every WebSocket message back as it comes in, piece by piece, however long it is.
package main

import (
	"flag"
	"io"
	"log"
	"net/http"

	"github.com/wsbridge/wsbridge/transport/websocket"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:9001", "`address` to listen on")
	deflate := flag.Bool("deflate", false, "agree to permessage-deflate")
	flag.Parse()
	log.Printf("echo on ws://%s", *addr)
	log.Fatal(http.ListenAndServe(*addr, handler(*deflate)))
}

func handler(deflate bool) http.Handler {
	options := &websocket.AcceptOptions{CheckOrigin: func(*http.Request) bool { return true }}
	options.Limits = websocket.Limits{MaxMessage: -1, MaxFragments: -1}
	if deflate {
		options.Deflate = &websocket.DeflateOptions{ServerContextTakeover: true, ClientContextTakeover: true}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, options)
		if err != nil {
			return // answered
		}
		defer conn.CloseNow()
		for echo(conn, r) == nil {
		}
	})
}

func echo(conn *websocket.Conn, r *http.Request) error {
	op, message, err := conn.Next(r.Context())
	if err != nil {
		return err
	}
	out, err := conn.Writer(op)
	if err != nil {
		return err
	}
	defer out.Close()
	if _, err := io.Copy(out, message); err != nil {
		return err
	}
	return out.Close()
}
