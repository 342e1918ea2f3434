package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	maxText   = 200    // bytes of an order
	maxOrders = 10_000 // of the file
)

var errText = fmt.Errorf("send text= with 1 to %d bytes", maxText)

// An order has a number of its own, 1, 2, 3, …: whatever way it comes to a page, the page knows it by that.
type order struct {
	N    int       `json:"n"`
	Text string    `json:"text"`
	Time time.Time `json:"time"`
}

// A record is a line of the file: an order, or how far they are published.
type record struct {
	Order     *order `json:"order,omitempty"`
	Published int    `json:"published,omitempty"`
}

// orders stand for the tables of a database: what was ordered, and how far that is published.
type orders struct {
	mu        sync.Mutex
	file      *os.File
	list      []order
	published int
	changed   chan struct{} // closed, and made anew, with each order
}

func openOrders(path string) (*orders, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	s := &orders{file: file, changed: make(chan struct{})}
	for in := json.NewDecoder(file); ; {
		var r record
		switch err := in.Decode(&r); {
		case errors.Is(err, io.EOF):
			return s, nil
		case err != nil:
			file.Close()
			return nil, fmt.Errorf("%s: %w; remove it to begin anew", path, err)
		case r.Order != nil:
			s.list = append(s.list, *r.Order)
		default:
			s.published = r.Published
		}
	}
}

func (s *orders) add(text string) (order, error) {
	if text == "" || len(text) > maxText {
		return order{}, errText
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == maxOrders {
		return order{}, fmt.Errorf("%s has %d orders, which is enough for an example: remove it", s.file.Name(), maxOrders)
	}
	o := order{len(s.list) + 1, text, time.Now().UTC()}
	if err := s.write(record{Order: &o}); err != nil {
		return order{}, err
	}
	s.list = append(s.list, o)
	close(s.changed)
	s.changed = make(chan struct{})
	return o, nil
}

// after returns the orders behind number n, 100 at most and never nil (in JSON that is null), and what is closed when there are more.
func (s *orders) after(n int) ([]order, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = min(max(n, 0), len(s.list))
	return append([]order{}, s.list[n:min(n+100, len(s.list))]...), s.changed
}

// newest returns the last 100 orders, never nil.
func (s *orders) newest() []order {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]order{}, s.list[max(0, len(s.list)-100):]...)
}

// unpublished returns the first order that is not published yet, if any, and what is closed when there are more.
func (s *orders) unpublished() (*order, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.published == len(s.list) {
		return nil, s.changed
	}
	o := s.list[s.published]
	return &o, s.changed
}

func (s *orders) markPublished(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.published = n
	return s.write(record{Published: n})
}

func (s *orders) write(r record) error {
	line, err := json.Marshal(r)
	if err != nil {
		return err
	}
	_, err = s.file.Write(append(line, '\n'))
	return err
}
