package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"sync"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/pubsub"
)

// maxChatters bounds who is remembered to be in a chat.
const maxChatters = 1000

// A chatroom shows what comes in a chat, and knows who is there.
type chatroom struct {
	client  *client.Client
	channel pubsub.Channel
	me      string // the client's name
	name    string // the nickname
	say     func(format string, args ...any)
	saver   *saver

	// Owned by whoever calls take: what was published before this client joined is history.
	joined bool

	mu    sync.Mutex // guards there
	there map[string]string
}

// take shows one message. What cannot be read is left out: the channel is open to other programs.
func (r *chatroom) take(ctx context.Context, m *client.Message) {
	var from string
	if m.From != nil {
		from = m.From.Client
	}
	switch {
	case m.Stream != nil:
		r.takeFile(ctx, m, from)
	case m.Event == chatImage && m.Data.Kind == pubsub.Binary:
		r.takeImage(m, from)
	case m.Data.Kind == pubsub.JSON:
		var words chatWords
		if json.Unmarshal(m.Data.Bytes, &words) == nil {
			r.takeWords(ctx, m.Event, from, words)
		}
	}
}

func (r *chatroom) takeWords(ctx context.Context, event, from string, words chatWords) {
	name := chatName(words.Name)
	switch event {
	case chatSaid:
		r.say("%s: %s", name, onTerminal(words.Text))
		return
	case chatJoin:
		r.say("* %s joined", name)
	case chatLeave:
		r.say("* %s left", name)
	}
	switch {
	case event == chatJoin && from == r.me:
		r.joined = true
		r.put(from, name)
	case !r.joined:
	case event == chatLeave:
		r.put(from, "")
	case event == chatJoin || event == chatHere:
		r.put(from, name)
	}
	if event == chatJoin && from != r.me && r.joined {
		// One that gets lost shows nowhere but in the list of the one who joined.
		r.client.Publish(ctx, r.channel, client.Publication{Event: chatHere, Data: chatWords{Name: r.name}})
	}
}

func (r *chatroom) takeImage(m *client.Message, from string) {
	h, image, err := parseChatImage(m.Data.Bytes)
	if err != nil {
		return
	}
	name := chatName(h.Name)
	ext, known := chatImageTypes[h.Type]
	if !known || from == r.me || !r.joined {
		r.say("%s sent an image of %s", name, amount(int64(len(image))))
		return
	}
	path, err := r.saver.saveBytes(image, name+ext)
	if err != nil {
		r.say("%s sent an image of %s; it was not saved: %v", name, amount(int64(len(image))), err)
		return
	}
	r.say("%s sent an image: %s", name, path)
}

func (r *chatroom) takeFile(ctx context.Context, m *client.Message, from string) {
	name := r.nameOf(from)
	switch {
	case m.Stream.State == pubsub.StreamCut:
		r.say("%s broke off sending a file", name)
	case m.Stream.State == pubsub.StreamComplete:
	case from == r.me || !r.joined:
		r.say("%s sent %q%s", name, m.Stream.Name, sizeOf(m.Stream))
	default:
		r.say("%s sends %q%s", name, m.Stream.Name, sizeOf(m.Stream))
		r.saver.save(ctx, m)
	}
}

func sizeOf(s *pubsub.Stream) string {
	if s.Size < 0 {
		return ""
	}
	return ", " + amount(s.Size)
}

func (r *chatroom) nameOf(from string) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if name := r.there[from]; name != "" {
		return name
	}
	return "somebody"
}

// put remembers who is there; without a name they are there no more.
func (r *chatroom) put(from, name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case name == "":
		delete(r.there, from)
	case len(r.there) < maxChatters || r.there[from] != "":
		r.there[from] = name
	}
}

// names lists who is there.
func (r *chatroom) names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var names []string
	for _, name := range r.there {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// saveBytes writes what is there already into the folder, and returns where.
func (s *saver) saveBytes(b []byte, name string) (path string, err error) {
	part, err := os.CreateTemp(s.dir, ".*.part")
	if err != nil {
		return "", err
	}
	defer os.Remove(part.Name())
	_, err = part.Write(b)
	if err = errors.Join(err, part.Close()); err != nil {
		return "", err
	}
	return keep(part.Name(), s.dir, safeName(name))
}
