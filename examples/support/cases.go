package main

import (
	"crypto/rand"
	"errors"
	"slices"
	"sync"
)

const (
	maxText  = 200 // bytes of a name or question
	maxCases = 500 // the oldest closed ones are forgotten first
)

var (
	errText  = errors.New("name= and question= have 1 to 200 bytes each")
	errFull  = errors.New("too many wait already; try again later")
	errGone  = errors.New("there is no such case, or it is closed")
	errTaken = errors.New("another agent has taken it")
)

// A supportCase is what a customer asks. Version counts its changes: an announcement may reach a page after a list
// that is newer, and the greater one counts.
type supportCase struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Question string `json:"question"`
	Agent    string `json:"agent"` // "" while it waits
	Closed   bool   `json:"closed"`
	Version  int    `json:"version"`
}

// cases stand for a table of a database. They end with the program.
type cases struct {
	mu  sync.Mutex
	all []*supportCase // oldest first
}

func newCases() *cases { return &cases{} }

func (s *cases) open(name, question string) (supportCase, error) {
	if name == "" || question == "" || max(len(name), len(question)) > maxText {
		return supportCase{}, errText
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.all) == maxCases {
		i := slices.IndexFunc(s.all, func(c *supportCase) bool { return c.Closed })
		if i < 0 {
			return supportCase{}, errFull
		}
		s.all = slices.Delete(s.all, i, i+1)
	}
	// The id is what the customer shows to come back, so it cannot be guessed.
	c := &supportCase{ID: rand.Text(), Name: name, Question: question, Version: 1}
	s.all = append(s.all, c)
	return *c, nil
}

func (s *cases) find(id string) (supportCase, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := slices.IndexFunc(s.all, func(c *supportCase) bool { return c.ID == id })
	if i < 0 {
		return supportCase{}, false
	}
	return *s.all[i], true
}

func (s *cases) list() []supportCase {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]supportCase, len(s.all)) // in JSON never null
	for i, c := range s.all {
		list[i] = *c
	}
	return list
}

// take gives a case to an agent, and to one alone. Taking one's own again is fine.
func (s *cases) take(id, agent string) (supportCase, error) {
	return s.change(id, agent, func(c *supportCase) { c.Agent = agent })
}

func (s *cases) close(id, agent string) (supportCase, error) {
	return s.change(id, agent, func(c *supportCase) { c.Closed = true })
}

func (s *cases) change(id, agent string, change func(*supportCase)) (supportCase, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.all {
		switch {
		case c.ID != id || c.Closed:
		case c.Agent != "" && c.Agent != agent:
			return supportCase{}, errTaken
		default:
			change(c)
			c.Version++
			return *c, nil
		}
	}
	return supportCase{}, errGone
}
