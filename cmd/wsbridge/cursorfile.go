package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
)

// cursorEvery is how old a cursor file is at most, while messages come. What was printed since
// is printed again by who begins there after a crash.
const cursorEvery = time.Second

// A cursorFile keeps where a listener stands. It is replaced as a whole, so that a crash leaves
// the old one or the new one.
type cursorFile struct {
	path    string
	text    string    // that it holds
	written time.Time // zero: never
}

func newCursorFile(path string) *cursorFile { return &cursorFile{path: path} }

// read returns the cursor that the file holds, or none if there is no file yet.
func (f *cursorFile) read() (pubsub.Cursor, error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	f.text = strings.TrimSpace(string(text))
	cursor, err := pubsub.ParseCursor(f.text, maxListened)
	if err != nil {
		return nil, fmt.Errorf("%s holds no cursor; move it away to begin anew: %w", f.path, err)
	}
	return cursor, nil
}

// due returns when to write a cursor, in an hour if the file holds it.
func (f *cursorFile) due(cursor pubsub.Cursor) time.Time {
	if cursor.String() == f.text {
		return time.Now().Add(time.Hour)
	}
	return f.written.Add(cursorEvery)
}

func (f *cursorFile) write(cursor pubsub.Cursor) error {
	text := cursor.String()
	if text == f.text {
		return nil
	}
	tmp, err := os.CreateTemp(filepath.Dir(f.path), filepath.Base(f.path)+".*")
	if err != nil {
		return fmt.Errorf("the cursor file cannot be written: %w", err)
	}
	defer os.Remove(tmp.Name()) // of no effect once it was renamed
	_, err = tmp.WriteString(text + "\n")
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err == nil {
		err = os.Rename(tmp.Name(), f.path)
	}
	if err != nil {
		return fmt.Errorf("the cursor file cannot be written: %w", err)
	}
	f.text, f.written = text, time.Now()
	return nil
}

// beat returns cursor with the positions of kept in it, where both have one.
func beat(cursor, kept pubsub.Cursor) pubsub.Cursor {
	for _, mark := range kept {
		if mark.Start.Resume {
			cursor = cursor.Set(mark.Channel, mark.Start.Pos)
		}
	}
	return cursor
}
