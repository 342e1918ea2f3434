package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/pubsub"
)

// savedAtOnce is how many streams are saved at the same time; others wait, and may be gone then.
const savedAtOnce = 8

// A saver writes the streams that messages tell of into a folder.
type saver struct {
	dir    string
	client *client.Client
	notes  *notes
	places chan struct{}
	saving sync.WaitGroup
}

func newSaver(dir string, c *client.Client, n *notes) (*saver, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	return &saver{dir: dir, client: c, notes: n, places: make(chan struct{}, savedAtOnce)}, nil
}

// save begins to save the stream that m tells of, if it tells of a beginning.
func (s *saver) save(ctx context.Context, m *client.Message) {
	if m.Stream == nil || m.Stream.State != pubsub.StreamBegins {
		return
	}
	// Here, so that no more wait than there are places.
	select {
	case s.places <- struct{}{}:
	case <-ctx.Done():
		return
	}
	s.saving.Go(func() {
		defer func() { <-s.places }()
		path, err := s.write(ctx, m.Stream)
		if err != nil {
			s.notes.say("%q was not saved: %v", m.Stream.Name, err)
			return
		}
		s.notes.say("saved %s", path)
	})
}

// wait waits for what is being saved.
func (s *saver) wait() { s.saving.Wait() }

// write saves a stream, and returns where. What is not whole is not kept.
func (s *saver) write(ctx context.Context, about *pubsub.Stream) (path string, err error) {
	stream, err := s.client.OpenStream(ctx, about)
	if err != nil {
		return "", err
	}
	defer stream.Close()
	part, err := os.CreateTemp(s.dir, ".*.part")
	if err != nil {
		return "", err
	}
	defer os.Remove(part.Name())
	name := safeName(about.Name)
	if name == "" {
		name = about.ID.String()
	}
	p := newProgress(s.notes, "saved", name, about.Size)
	_, err = io.Copy(&told{part, p, 0}, stream)
	if err = errors.Join(err, part.Close()); err != nil {
		return "", err
	}
	return keep(part.Name(), s.dir, name)
}

// told tells of what is written.
type told struct {
	w io.Writer
	p *progress
	n int64
}

func (t *told) Write(b []byte) (int, error) {
	n, err := t.w.Write(b)
	t.n += int64(n)
	t.p.at(t.n)
	return n, err
}

// keep gives a file its name, or one with a number if there is a file of that name: nothing is
// overwritten.
func keep(from, dir, name string) (string, error) {
	ext := filepath.Ext(name)
	stem := strings.TrimSuffix(name, ext)
	for n := 1; n < 1000; n++ {
		path := filepath.Join(dir, name)
		if n > 1 {
			path = filepath.Join(dir, fmt.Sprintf("%s (%d)%s", stem, n, ext))
		}
		place, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o644)
		switch {
		case err == nil:
			place.Close()
			return path, errors.Join(os.Chmod(from, 0o644), os.Rename(from, path))
		case !errors.Is(err, fs.ErrExist):
			return "", err
		}
	}
	return "", fmt.Errorf("there are a thousand files named %q already", name)
}

// maxSafeName leaves room for a number, in bytes.
const maxSafeName = 200

// safeName makes the name of a stream, which is its sender's choice, into one of a file in a
// folder, on any system; "" if nothing is left of it.
func safeName(name string) string {
	name = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || !unicode.IsPrint(r) || strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name)
	for len(name) > maxSafeName {
		ext := filepath.Ext(name)
		if len(ext) > 20 {
			ext = ""
		}
		stem := strings.TrimSuffix(name, ext)
		_, size := utf8.DecodeLastRuneInString(stem)
		name = stem[:len(stem)-size] + ext
	}
	// Hidden files, and what a system takes dots and spaces at the ends for.
	name = strings.Trim(name, ". ")
	stem, _, _ := strings.Cut(strings.ToUpper(name), ".")
	switch {
	case stem == "CON", stem == "PRN", stem == "AUX", stem == "NUL",
		len(stem) == 4 && (strings.HasPrefix(stem, "COM") || strings.HasPrefix(stem, "LPT")):
		return "_" + name // devices of Windows
	}
	return name
}
