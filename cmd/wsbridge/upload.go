package main

import (
	"encoding/json"
	"io"
	"mime"
	"os"
	"path/filepath"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/pubsub"
)

// sendStream sends a file, or standard input for "-", while it is read.
func (c *publishCommand) sendStream(t *terminal, channel pubsub.Channel, publisher *client.Client) error {
	notes := newNotes(t.err)
	u := client.Upload{Name: c.Name, Type: c.ContentType, Event: c.Event, Meta: c.Meta}
	source := t.in
	if c.Stream != "-" {
		file, err := os.Open(c.Stream)
		if err != nil {
			return err
		}
		defer file.Close()
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			u.Size = info.Size()
		}
		if u.Name == "" {
			u.Name = filepath.Base(c.Stream)
		}
		if u.Type == "" {
			u.Type = mime.TypeByExtension(filepath.Ext(c.Stream))
		}
		source = file
	}
	p := newProgress(notes, "sent", u.Name, u.Size)
	u.Progress = p.at
	if u.Size > 0 {
		// A file that grows meanwhile is sent as long as it was when that was announced.
		source = io.LimitReader(source, u.Size)
	}
	sent, err := publisher.SendStream(t.ctx, channel, u, source)
	if err != nil {
		return err
	}
	return json.NewEncoder(t.out).Encode(struct {
		Stream  string `json:"stream"`
		Channel string `json:"channel"`
		ID      string `json:"id"`
		Pos     string `json:"pos"`
		Size    int64  `json:"size"`
	}{sent.Stream, c.Channel, sent.End.ID, sent.End.Pos.String(), sent.Size})
}
