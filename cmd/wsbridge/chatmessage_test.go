package main

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

func TestChatImageCarriesItsSender(t *testing.T) {
	image := []byte("\x89PNG\r\n\x1a\n and so on")
	got := appendChatImage(nil, chatImageHeader{"ann", "image/png"}, image)
	// As the page of examples/chat reads and writes it.
	want := "00000021" + hex.EncodeToString([]byte(`{"name":"ann","type":"image/png"}`)) + hex.EncodeToString(image)
	if hex.EncodeToString(got) != want {
		t.Errorf("%x, expected %s", got, want)
	}
	h, rest, err := parseChatImage(got)
	if err != nil || h != (chatImageHeader{"ann", "image/png"}) || !bytes.Equal(rest, image) {
		t.Errorf("read back: %v, %q, %v", h, rest, err)
	}
	for _, bad := range []string{"", "\x00\x00\x00", "\x00\x00\x00\x02{", "\xff\xff\xff\xff{}", "\x00\x00\x00\x02no"} {
		if _, _, err := parseChatImage([]byte(bad)); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

func TestAsChatImage(t *testing.T) {
	png := "\x89PNG\r\n\x1a\n"
	for image, want := range map[string]bool{
		png:                                     true,
		"GIF89a":                                true,
		png + strings.Repeat("x", maxChatImage): false, // too large for a message
		"<svg xmlns='http://www.w3.org/2000/svg'/>": false, // runs script
		"text": false,
		"":     false,
	} {
		if mediaType, ok := asChatImage([]byte(image)); ok != want {
			t.Errorf("%.20q, a %s: %v", image, mediaType, ok)
		}
	}
}

func TestOnTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"hello, Zoë":                 "hello, Zoë",
		"a\x1b[2Jb\x07c\x9bd":        "a[2Jbc\ufffdd", // no escape is left
		"\u202egnp.exe":              "gnp.exe",
		"one\nbob: two":              "one\n    bob: two",
		"one\r\ntwo\tthree":          "one\n    two three",
		"👩\u200d🚀 \u200bto the moon": "👩\u200d🚀 to the moon",
	} {
		if got := onTerminal(text); got != want {
			t.Errorf("%q is shown as %q, expected %q", text, got, want)
		}
	}
	for name, want := range map[string]string{
		" ann ": "ann", "": "somebody", "\x1b\x07": "somebody", "a\nb": "a b", strings.Repeat("ä", 50): strings.Repeat("ä", 40),
	} {
		if got := chatName(name); got != want {
			t.Errorf("the name %q becomes %q, expected %q", name, got, want)
		}
	}
}
