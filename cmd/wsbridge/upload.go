package main

import (
	"encoding/json"
	"fmt"
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
	source := io.NopCloser(t.in)
	if c.Stream != "-" {
		var err error
		if source, err = openSource(c.Stream, &u); err != nil {
			return err
		}
	}
	defer source.Close()
	u.Progress = newProgress(notes, "sent", u.Name, u.Size).at
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

// openSource opens a file to be sent, and says of it what u does not say yet.
func openSource(path string, u *client.Upload) (io.ReadCloser, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = fmt.Errorf("%s is a folder: send files, or an archive of it", path)
	case info.Mode().IsRegular():
		u.Size = info.Size()
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	if u.Name == "" {
		u.Name = filepath.Base(path)
	}
	if u.Type == "" {
		u.Type = mime.TypeByExtension(filepath.Ext(path))
	}
	if u.Size == 0 {
		return file, nil
	}
	// A file that grows meanwhile is sent as long as it was when that was announced.
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(file, u.Size), file}, nil
}
