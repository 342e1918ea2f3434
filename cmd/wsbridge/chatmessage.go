package main

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"unicode"
)

// What is said in a chat, as examples/chat/README.md has it: the events, and what their data is.
const (
	chatJoin  = "join"  // chatWords, without a text
	chatHere  = "here"  // likewise; the answer to a join of those who are there
	chatLeave = "leave" // likewise
	chatSaid  = "said"  // chatWords
	chatImage = "image" // bytes: a chatImageHeader behind its length, and the image
	chatFile  = "file"  // a stream
)

// chatWords are the data of everything but images and files.
type chatWords struct {
	Name string `json:"name"`
	Text string `json:"text,omitempty"`
}

// A chatImageHeader stands in front of the bytes of an image, behind 4 bytes that say how long it
// is, big-endian.
type chatImageHeader struct {
	Name string `json:"name"` // of the sender
	Type string `json:"type"`
}

// chatImageTypes are shown, or saved, as images: those that cannot run script, with the ends of
// their files' names.
var chatImageTypes = map[string]string{"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif", "image/webp": ".webp"}

// maxChatImage is how large an image may be to be sent as one message, in bytes; what is larger is
// a file. The header has room beside it within a message of 256 KiB.
const maxChatImage = 255 << 10

// asChatImage tells whether bytes are those of an image that is sent as one message.
func asChatImage(image []byte) (mediaType string, ok bool) {
	mediaType = http.DetectContentType(image)
	return mediaType, chatImageTypes[mediaType] != "" && len(image) <= maxChatImage
}

func appendChatImage(b []byte, h chatImageHeader, image []byte) []byte {
	header, _ := json.Marshal(h) // two strings
	return slices.Concat(binary.BigEndian.AppendUint32(b, uint32(len(header))), header, image)
}

var errChatImage = errors.New("no header of an image in front of the bytes")

func parseChatImage(b []byte) (h chatImageHeader, image []byte, err error) {
	if len(b) < 4 {
		return h, nil, errChatImage
	}
	size := binary.BigEndian.Uint32(b)
	if b = b[4:]; uint64(size) > uint64(len(b)) {
		return h, nil, errChatImage
	}
	if json.Unmarshal(b[:size], &h) != nil {
		return h, nil, errChatImage
	}
	return h, b[size:], nil
}

// maxChatName bounds a nickname, in characters.
const maxChatName = 40

// chatName makes what somebody calls themselves fit for a line of a terminal.
func chatName(name string) string {
	runes := []rune(strings.TrimSpace(onTerminal(strings.ReplaceAll(name, "\n", " "))))
	if len(runes) > maxChatName {
		runes = runes[:maxChatName]
	}
	if len(runes) == 0 {
		return "somebody"
	}
	return string(runes)
}

// onTerminal removes what would do more to a terminal than to show a character: others choose what
// is in it. Further lines are indented, so that none of them looks like somebody else's.
func onTerminal(text string) string {
	const joiner = '\u200d' // within emoji
	text = strings.ToValidUTF8(text, "\ufffd")
	text = strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return ' '
		case r == '\n', r == joiner, unicode.IsPrint(r):
			return r
		}
		return -1
	}, text)
	return strings.ReplaceAll(text, "\n", "\n    ")
}
