package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// open takes a question. Whoever has the cookie is the customer of the case.
func (d *desk) open(w http.ResponseWriter, r *http.Request) {
	c, err := d.cases.open(r.FormValue("name"), r.FormValue("question"))
	if err != nil {
		refuse(w, err)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "support-case", Value: c.ID, Path: "/customer", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	d.announce(w, r, "opened", c)
}

func (d *desk) customer(r *http.Request) (supportCase, bool) {
	cookie, err := r.Cookie("support-case")
	if err != nil {
		return supportCase{}, false
	}
	return d.cases.find(cookie.Value)
}

// mine tells the page of its case, null if it has none.
func (d *desk) mine(w http.ResponseWriter, r *http.Request) {
	if c, ok := d.customer(r); ok {
		write(w, c)
		return
	}
	write(w, nil)
}

// customerToken opens one conversation: the log of the case, and what only matters while it happens.
func (d *desk) customerToken(w http.ResponseWriter, r *http.Request) {
	c, ok := d.customer(r)
	if !ok {
		refuse(w, errGone)
		return
	}
	d.sign(w, r, "customer-"+c.ID, map[string][]string{
		"case:" + c.ID: {"subscribe", "publish"},
		"live:" + c.ID: {"subscribe", "publish"},
	})
}

func (d *desk) sign(w http.ResponseWriter, r *http.Request, user string, capabilities map[string][]string) {
	token, err := d.bridge.Token(r.Context(), user, capabilities)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	io.WriteString(w, token)
}

func refuse(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	switch {
	case errors.Is(err, errFull):
		status = http.StatusServiceUnavailable
	case errors.Is(err, errGone):
		status = http.StatusNotFound
	case errors.Is(err, errTaken):
		status = http.StatusConflict
	}
	http.Error(w, err.Error(), status)
}

func write(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	json.NewEncoder(w).Encode(v)
}
