package pubsub_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/wsbridge/wsbridge/pubsub"
)

func TestSize(t *testing.T) {
	empty := new(pubsub.Message).Size()
	if least := int(unsafe.Sizeof(pubsub.Message{})); empty < least {
		t.Errorf("an empty message has size %d, its struct alone %d", empty, least)
	}
	m := pubsub.Message{
		Event: "event",
		Data:  pubsub.Data{Kind: pubsub.Binary, Bytes: make([]byte, 1000)},
		From:  &pubsub.Sender{User: "ann", Client: "c1"},
		Meta:  map[string]string{"a": "1", "bc": ""},
	}
	same(t, "the size", empty+5+1000+3+2+2+2, m.Size())
}

func TestCheck(t *testing.T) {
	meta := func(n, size int) map[string]string {
		m := make(map[string]string)
		for i := range n {
			m[strconv.Itoa(100+i)] = strings.Repeat("x", size)
		}
		return m
	}
	null := pubsub.Data{Kind: pubsub.JSON, Bytes: []byte("null")}
	for name, p := range map[string]pubsub.Publication{
		"an event alone":    {Event: "e"},
		"null is data":      {Data: null},
		"no bytes are data": {Data: pubsub.Data{Kind: pubsub.Binary}},
		"a long event":      {Event: strings.Repeat("x", pubsub.MaxEvent)},
		"much meta":         {Data: null, Meta: meta(pubsub.MaxMetaEntries, pubsub.MaxMetaBytes/pubsub.MaxMetaEntries-3)},
		"an empty value":    {Data: null, Meta: map[string]string{"a": ""}},
	} {
		if err := p.Check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, p := range map[string]pubsub.Publication{
		"nothing":               {},
		"meta alone":            {Meta: meta(1, 1)},
		"too long an event":     {Event: strings.Repeat("x", pubsub.MaxEvent+1)},
		"an event of bytes":     {Event: "\xff"},
		"too many in meta":      {Data: null, Meta: meta(pubsub.MaxMetaEntries+1, 0)},
		"too much in meta":      {Data: null, Meta: meta(1, pubsub.MaxMetaBytes-2)},
		"an empty meta name":    {Data: null, Meta: map[string]string{"": "x"}},
		"a meta name of bytes":  {Data: null, Meta: map[string]string{"\xff": "x"}},
		"a meta value of bytes": {Data: null, Meta: map[string]string{"x": "\xff"}},
	} {
		if err := p.Check(); !errors.Is(err, pubsub.ErrMessage) {
			t.Errorf("%s: %v, want %v", name, err, pubsub.ErrMessage)
		}
	}
}

func TestCheckKey(t *testing.T) {
	for _, key := range []string{"k", "!", "~", strings.Repeat("x", pubsub.MaxKey)} {
		if err := pubsub.CheckKey(key); err != nil {
			t.Errorf("%q: %v", key, err)
		}
	}
	for _, key := range []string{"", " ", "a b", "a\n", "\x7f", "ä", strings.Repeat("x", pubsub.MaxKey+1)} {
		if err := pubsub.CheckKey(key); !errors.Is(err, pubsub.ErrMessage) {
			t.Errorf("%q: %v, want %v", key, err, pubsub.ErrMessage)
		}
	}
}
