package client_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/pubsub"
)

func Example() {
	url := exampleServer()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	c, err := client.New(url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()

	orders, err := c.Subscribe(ctx, "orders:42")
	if err != nil {
		log.Fatal(err)
	}
	if _, err := c.Publish(ctx, "orders:42", client.Publication{Event: "paid", Data: map[string]int{"amount": 3}}); err != nil {
		log.Fatal(err)
	}
	for e, err := range orders.Events(ctx) {
		switch {
		case err != nil:
			log.Fatal(err) // of ctx, or a reason why trying again is no use
		case e.Gap != nil:
			log.Printf("messages are missing: %s", e.Gap.Reason) // reload what you show
			continue
		}
		fmt.Println(e.Message.Event, string(e.Message.Data.Bytes))
		break
	}
	// Output: paid {"amount":3}
}

func ExampleClient_SubscribeAll() {
	url := exampleServer()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.New(url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	for n := range 3 {
		if _, err := c.Publish(ctx, "news", client.Publication{Data: n}); err != nil {
			log.Fatal(err)
		}
	}

	stored := "news@0" // what was stored the last time; 0 is in front of the oldest message kept
	cursor, err := pubsub.ParseCursor(stored, 100)
	if err != nil {
		log.Fatal(err)
	}
	news, err := c.SubscribeAll(ctx, cursor)
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		e, err := news.Next(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if e.Message != nil {
			fmt.Println(string(e.Message.Data.Bytes))
		}
		stored = news.Cursor().String() // behind this event
	}
	cursor, _ = pubsub.ParseCursor(stored, 100)
	at, _ := cursor.Find("news")
	fmt.Println("to be gone on behind message", at.Pos.Offset)
	// Output:
	// 0
	// 1
	// to be gone on behind message 2
}

func ExampleClient_Publish() {
	url, apiKey := exampleServer(), exampleKey
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	backend, err := client.New(url, client.Options{APIKey: apiKey})
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Close()
	for range 2 {
		receipt, err := backend.Publish(ctx, "orders:42", client.Publication{
			Event: "paid",
			Data:  json.RawMessage(`{"amount": 9007199254740993}`), // []byte would be binary data
			Meta:  map[string]string{"trace": "af31"},
			Key:   "order-42-paid", // however often it is repeated within 5 minutes, it is one message
		})
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(receipt.Pos.Offset, receipt.Duplicate)
	}
	// Output:
	// 1 false
	// 1 true
}

func ExampleClient_History() {
	url, apiKey := exampleServer(), exampleKey
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	backend, err := client.New(url, client.Options{APIKey: apiKey})
	if err != nil {
		log.Fatal(err)
	}
	defer backend.Close()
	for n := range 5 {
		if _, err := backend.Publish(ctx, "orders:42", client.Publication{Data: n}); err != nil {
			log.Fatal(err)
		}
	}

	page, err := backend.History(ctx, "orders:42", client.Range{Limit: 2})
	for err == nil && len(page.Messages) > 0 {
		for _, m := range page.Messages {
			fmt.Print(string(m.Data.Bytes), " ")
		}
		page, err = backend.History(ctx, "orders:42", client.Range{Before: page.Messages[0].Pos, Limit: 2})
	}
	if err != nil {
		log.Fatal(err)
	}
	// Output: 3 4 1 2 0
}

func ExampleOptions() {
	url := exampleServer()
	fetchToken := func(context.Context) (string, error) { return exampleToken(time.Hour), nil }
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()

	c, err := client.New(url, client.Options{
		Token: func(ctx context.Context, why client.Reason) (string, error) {
			return fetchToken(ctx) // asked again before it expires, and when the server says that it has
		},
		OnState: func(s client.State) {
			switch s.Status {
			case client.Connected:
				fmt.Println("connected by", s.Transport, "as", s.User)
			case client.Waiting:
				log.Printf("%v; again in %v", s.Err, s.Retry)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Subscribe(ctx, "private:1"); err != nil {
		log.Fatal(err) // a *client.Refused, if the token does not permit it
	}
	// Output: connected by websocket as ann
}

func ExampleClient_SendStream() {
	url := exampleServer()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.New(url, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer c.Close()
	files, err := c.Subscribe(ctx, "files")
	if err != nil {
		log.Fatal(err)
	}
	show := func(int64) {}
	source, sent := strings.NewReader("as long as it likes"), make(chan struct{})

	go func() {
		defer close(sent)
		up := client.Upload{Name: "notes.txt", Type: "text/plain", Progress: func(n int64) { show(n) }}
		if _, err := c.SendStream(ctx, "files", up, source); err != nil {
			log.Fatal(err)
		}
	}()
	for e, err := range files.Events(ctx) {
		if err != nil {
			log.Fatal(err)
		}
		if e.Message == nil || e.Message.Stream == nil || e.Message.Stream.State != pubsub.StreamBegins {
			continue
		}
		stream, err := c.OpenStream(ctx, e.Message.Stream)
		if err != nil {
			log.Fatal(err)
		}
		text, err := io.ReadAll(stream) // piece by piece while it is sent; io.EOF only if it is whole
		if err != nil {
			log.Fatal(err)
		}
		stream.Close()
		fmt.Printf("%s: %s\n", e.Message.Stream.Name, text)
		break
	}
	<-sent
	// Output: notes.txt: as long as it likes
}
