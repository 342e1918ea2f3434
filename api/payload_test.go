package api

import (
	"bytes"
	"crypto/rand"
	"testing"
)

func TestRandomBytesComeBack(t *testing.T) {
	s := newSite(t, nil)
	data := make([]byte, 70_000)
	rand.Read(data)
	s.do(call{method: "POST", path: "/v1/channels/a/messages", header: []string{"Content-Type: application/octet-stream"}, body: string(data)})
	got := s.do(call{method: "GET", path: "/v1/channels/a/messages"})
	var page struct {
		Messages []struct {
			Data []byte `json:"data_base64"`
		}
	}
	got.into(t, &page)
	if len(page.Messages) != 1 || !bytes.Equal(page.Messages[0].Data, data) {
		t.Error("other bytes came back")
	}
}
