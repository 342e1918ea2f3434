package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/pubsub"
)

type chatCommand struct {
	Channel string `arg:"" optional:"" help:"The channel to talk in." default:"chat"`

	Name      string `help:"What you are called." env:"USER" default:"somebody" placeholder:"NAME"`
	Save      string `help:"The folder that images and files of others are saved in." default:"chat-files" placeholder:"DIR"`
	Transport string `help:"How: auto, ws, sse, http-stream, long-poll or poll." default:"auto" enum:"auto,ws,websocket,sse,http-stream,long-poll,poll"`
	URL       string `help:"The server." default:"http://127.0.0.1:8080" env:"WSBRIDGE_URL"`
	Token     string `help:"Token of a client. Default: none, as anyone." env:"WSBRIDGE_TOKEN" placeholder:"JWT"`
}

const (
	chatHelp = `* a line is said to everyone; /send FILE sends a file or image, /who lists who is here, /quit leaves`

	maxChatLine    = 64 << 10               // bytes of a line that is typed
	chatSentAtOnce = 4                      // files; the server takes no more of one user
	chatInterval   = 500 * time.Millisecond // of plain polls: the beginning of a file waits a second for those who are told of it
	chatGoodbye    = 5 * time.Second        // for saying that we leave
)

// Run talks until the input ends, /quit or a signal. What others say is printed; what is to be
// known beside it goes to standard error.
func (c *chatCommand) Run(t *terminal) error {
	channel, err := pubsub.ParseChannel(c.Channel)
	if err != nil {
		return err
	}
	options, err := connecting(rand.Text(), c.Token, c.Transport)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(t.ctx)
	defer cancel(nil)
	notes := newNotes(t.err)
	options.Interval = chatInterval
	options.OnState, options.OnRetry = notes.state, notes.retried
	chatter, err := client.New(c.URL, options)
	if err != nil {
		return err
	}
	defer chatter.Close()
	saver, err := newSaver(c.Save, chatter, notes)
	if err != nil {
		return err
	}
	lines := newNotes(t.out)
	talk := &chat{
		room: &chatroom{
			client: chatter, channel: channel, me: options.ClientID, name: chatName(c.Name),
			say: lines.print, saver: saver, there: make(map[string]string),
		},
		notes:   notes,
		sending: make(chan struct{}, chatSentAtOnce),
	}
	// What is kept of the talk comes first.
	sub, err := chatter.SubscribeAll(ctx, pubsub.Cursor{{Channel: channel, Start: pubsub.Start{Resume: true}}})
	if err != nil {
		return err
	}
	if err := talk.publish(ctx, chatJoin, ""); err != nil {
		return err
	}
	lines.print("%s", chatHelp)

	var listening sync.WaitGroup
	listening.Go(func() { cancel(talk.listen(ctx, sub)) })
	err = talk.read(ctx, t.in)
	// Whoever leaves while something is on its way, waits for it; a signal ends that.
	talk.transfers.Wait()
	saver.wait()
	leaving, stop := context.WithTimeout(context.WithoutCancel(ctx), chatGoodbye)
	defer stop()
	if context.Cause(ctx) == nil || t.ctx.Err() != nil {
		err = errors.Join(err, talk.publish(leaving, chatLeave, ""))
	}
	cancel(nil)
	listening.Wait()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	return err
}

// A chat is one who talks.
type chat struct {
	room      *chatroom
	notes     *notes
	sending   chan struct{} // a place for each file
	transfers sync.WaitGroup
}

// listen shows what comes, until ctx ends or it is no use to go on.
func (c *chat) listen(ctx context.Context, sub *client.Subscription) error {
	for e, err := range sub.Events(ctx) {
		switch {
		case err != nil:
			return err
		case e.Gap != nil:
			c.room.say("* some of what was said is missing: %s", e.Gap.Reason)
		default:
			c.room.take(ctx, e.Message)
		}
	}
	return nil
}

// read does what is typed, until the input ends, /quit, or ctx ends: a read that is under way then
// ends with the program.
func (c *chat) read(ctx context.Context, in io.Reader) error {
	typed, failed := make(chan string), make(chan error, 1)
	go func() {
		defer close(typed)
		s := bufio.NewScanner(in)
		s.Buffer(nil, maxChatLine)
		for s.Scan() {
			select {
			case typed <- s.Text():
			case <-ctx.Done():
				return
			}
		}
		failed <- s.Err()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, more := <-typed:
			switch {
			case !more:
				return errors.Join(<-failed)
			case line == "/quit":
				return nil
			}
			if err := c.obey(ctx, line); err != nil && ctx.Err() == nil {
				c.notes.say("%v", err)
			}
		}
	}
}

func (c *chat) obey(ctx context.Context, line string) error {
	word, rest, _ := strings.Cut(strings.TrimRight(line, " \t\r"), " ")
	switch {
	case strings.TrimSpace(line) == "":
		return nil
	case word == "/who":
		c.room.say("* here: %s", strings.Join(c.room.names(), ", "))
		return nil
	case word == "/send" && rest != "":
		return c.send(ctx, strings.TrimSpace(rest))
	case word == "/help" || word == "/send":
		c.room.say("%s", chatHelp)
		return nil
	case strings.HasPrefix(word, "/"):
		return fmt.Errorf("%s is no command; /help lists them, and a space in front says it to everyone", word)
	}
	return c.publish(ctx, chatSaid, line)
}

func (c *chat) publish(ctx context.Context, event, text string) error {
	_, err := c.room.client.Publish(ctx, c.room.channel, client.Publication{Event: event, Data: chatWords{c.room.name, text}})
	return err
}

// send sends a small image as a message, and all else as a stream, beside the talk.
func (c *chat) send(ctx context.Context, path string) error {
	u := client.Upload{Event: chatFile}
	source, err := openSource(path, &u)
	if err != nil {
		return err
	}
	if u.Size > 0 && u.Size <= maxChatImage {
		content, err := io.ReadAll(source)
		source.Close()
		if err != nil {
			return err
		}
		if mediaType, ok := asChatImage(content); ok {
			_, err := c.room.client.Publish(ctx, c.room.channel, client.Publication{
				Event: chatImage, Data: appendChatImage(nil, chatImageHeader{c.room.name, mediaType}, content),
			})
			return err
		}
		if source, err = openSource(path, &u); err != nil {
			return err
		}
	}
	select {
	case c.sending <- struct{}{}:
	default:
		source.Close()
		return fmt.Errorf("%d files are being sent already; try again when one is done", chatSentAtOnce)
	}
	c.transfers.Go(func() {
		defer func() { <-c.sending }()
		defer source.Close()
		u.Progress = newProgress(c.notes, "sent", u.Name, u.Size).at
		sent, err := c.room.client.SendStream(ctx, c.room.channel, u, source)
		if err != nil {
			c.notes.say("%q was not sent: %v", u.Name, err)
			return
		}
		c.notes.say("sent %q, %s", u.Name, amount(sent.Size))
	})
	return nil
}
