package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
)

// A batch is what is asked for, in order. Each result without an error waits for the next
// of the publications.
type batch struct {
	results      []result
	publications []pubsub.Publication
	object       object // the item that is read
	maxData      int
	replicated   bool
}

var (
	errNoBatch             = problem.New(problem.BadRequest, `a batch is {"messages":[…]}`)
	errTooManyItems        = problem.New(problem.TooManyMessages, "a batch has at most %d items", maxItems)
	errTooManyPublications = problem.New(problem.TooManyMessages, "a batch has at most %d publications, one for each channel of an item", maxPublications)
)

// read takes {"messages":[…]} item by item, so that one item too many is refused without
// holding it. An item that breaks a rule fails by itself; a body that is no JSON object of
// this shape is refused as a whole.
func (b *batch) read(body io.Reader) error {
	dec := json.NewDecoder(fullReader{body})
	if err := expect(dec, '{'); err != nil {
		return err
	}
	found := false
	for dec.More() {
		switch name, err := dec.Token(); {
		case err != nil:
			return streamError(err)
		case name != "messages":
			return unknownField(name.(string), []string{"messages"})
		case found:
			return problem.New(problem.BadRequest, "the field messages stands there twice")
		}
		found = true
		if err := b.readItems(dec); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return streamError(err)
	}
	if !found {
		return errNoBatch
	}
	switch _, err := dec.Token(); err {
	case io.EOF:
		return nil
	case nil:
		return problem.New(problem.BadJSON, "something follows the object")
	default:
		return streamError(err)
	}
}

// A fullReader reads as much as it is asked for. The decoder looks at white space again
// after each read, which takes it quadratic time when what comes is little each time; so it
// gets what doubles its buffer.
type fullReader struct{ from io.Reader }

func (r fullReader) Read(p []byte) (int, error) {
	n, err := io.ReadFull(r.from, p)
	if err == io.ErrUnexpectedEOF && n > 0 {
		err = nil // the end comes with the next read
	}
	return n, err
}

func (b *batch) readItems(dec *json.Decoder) error {
	if err := expect(dec, '['); err != nil {
		return err
	}
	var text json.RawMessage // its memory serves one item after the other
	for index := 0; dec.More(); index++ {
		if index == maxItems {
			return errTooManyItems
		}
		if err := dec.Decode(&text); err != nil {
			return streamError(err)
		}
		if err := b.add(index, b.parse(text)); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return streamError(err)
}

func expect(dec *json.Decoder, want json.Delim) error {
	token, err := dec.Token()
	if err == nil && token != want {
		err = errNoBatch
	}
	return streamError(err)
}

// streamError says why a batch could not be read on.
func streamError(err error) error {
	syntax, refused := (*json.SyntaxError)(nil), problem.Problem{}
	switch {
	case err == nil, errors.As(err, &refused):
		return err
	case errors.As(err, &syntax):
		return problem.New(problem.BadJSON, "bad JSON at byte %d: %v", syntax.Offset, syntax)
	case err == io.EOF, err == io.ErrUnexpectedEOF:
		return problem.New(problem.BadJSON, "the JSON ends before it is complete")
	}
	return bodyError(err)
}

// add puts an item behind the others, once for each of its channels. An error refuses the
// whole batch.
func (b *batch) add(index int, it item) error {
	if len(b.results)+max(1, len(it.channels)) > maxPublications {
		return errTooManyPublications
	}
	if len(it.channels) == 0 {
		refused := problem.FromError(it.err)
		b.results = append(b.results, result{index: index, refused: &refused})
		return nil
	}
	var named map[string]bool
	if len(it.channels) > 1 {
		named = make(map[string]bool, len(it.channels))
	}
	for _, name := range it.channels {
		channel, err := pubsub.ParseChannel(name)
		switch {
		case it.err != nil:
			err = it.err
		case err == nil && named[name]:
			err = problem.New(problem.BadRequest, "the item names the channel twice")
		}
		if named != nil {
			named[name] = true
		}
		to := result{index: index, channel: name[:min(len(name), pubsub.MaxChannel)]}
		if err != nil {
			refused := problem.FromError(err)
			to.refused = &refused
		} else {
			p := it.publication
			p.Channel, p.Replicated = channel, b.replicated
			b.publications = append(b.publications, p)
		}
		b.results = append(b.results, to)
	}
	return nil
}

// An item is one message of a batch and the channels that it is for.
type item struct {
	channels    []string // none: err tells why
	publication pubsub.Publication
	err         error
}

func (b *batch) parse(text []byte) (it item) {
	o := &b.object
	if it.err = o.parse(text, "channel", "channels", "event", "data", "data_base64", "meta", "idempotency_key"); it.err != nil {
		return it
	}
	it.channels = o.channels()
	p := &it.publication
	p.Event = o.text("event")
	if data, given := o.json("data", b.maxData); given {
		p.Data = pubsub.Data{Kind: pubsub.JSON, Bytes: data}
		if o.has("data_base64") {
			o.fail("data and data_base64 exclude each other")
		}
	} else if o.has("data_base64") {
		p.Data = pubsub.Data{Kind: pubsub.Binary, Bytes: o.base64("data_base64", b.maxData)}
	}
	p.Meta = o.meta()
	if o.has("idempotency_key") && o.err == nil {
		p.Key, o.err = scopedKey(o.text("idempotency_key"))
	}
	if it.err = o.err; it.err == nil {
		it.err = p.Check()
	}
	return it
}

// channels returns the names in channel or channels, of which one has to be there.
func (o *object) channels() []string {
	one, several := o.has("channel"), o.has("channels")
	var names []string
	switch {
	case one && several:
		o.fail("channel and channels exclude each other")
	case one:
		names = []string{o.text("channel")}
	case several:
		names = o.names("channels")
	default:
		o.fail("the item has neither channel nor channels")
	}
	if o.err != nil {
		return nil
	}
	return names
}

// names returns a list of strings that is not empty. One that is longer than a batch may
// be is not held whole.
func (o *object) names(name string) []string {
	dec := json.NewDecoder(bytes.NewReader(o.find(name)))
	if open, _ := dec.Token(); open != json.Delim('[') {
		o.fail("%s must be a list of strings", name)
		return nil
	}
	var names []string
	for dec.More() && len(names) <= maxPublications {
		token, _ := dec.Token()
		text, ok := token.(string)
		if !ok {
			o.fail("%s must be a list of strings", name)
			return nil
		}
		names = append(names, text)
	}
	if len(names) == 0 {
		o.fail("%s is empty", name)
	}
	return names
}
