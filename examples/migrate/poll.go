package main

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

const held = 25 * time.Second

// poll is the site's own long polling, as it was before wsbridge and is until step 4: it holds the request until there
// is an order behind number after.
func (s *site) poll(w http.ResponseWriter, r *http.Request) {
	after, err := strconv.Atoi(r.URL.Query().Get("after"))
	if err != nil {
		http.Error(w, "after= is the number of the newest order that the page has, 0 for none", http.StatusBadRequest)
		return
	}
	s.polled.Add(1)
	end := time.NewTimer(held)
	defer end.Stop()
	for {
		list, changed := s.orders.after(after)
		if len(list) > 0 {
			write(w, list)
			return
		}
		select {
		case <-changed:
		case <-end.C:
			write(w, list)
			return
		case <-r.Context().Done():
			return
		}
	}
}

// polls says how many there were since the start. When it stays 0, nobody is left who would miss them: step 4 is due.
func (s *site) polls(w http.ResponseWriter, _ *http.Request) { write(w, s.polled.Load()) }

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(v)
}
