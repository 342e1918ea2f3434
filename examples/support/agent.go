package main

import (
	"io"
	"net/http"
)

// agents are who may sign in: a real desk has passwords and sessions here, and nothing else changes.
var agents = map[string]bool{"Bea": true, "Cid": true}

func (d *desk) signIn(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("name")
	if !agents[name] {
		http.Error(w, "no agent of that name: sign in as Bea or Cid", http.StatusForbidden)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "support-agent", Value: name, Path: "/agent", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/agent", http.StatusSeeOther)
}

func signedIn(r *http.Request) string {
	c, err := r.Cookie("support-agent")
	if err != nil || !agents[c.Value] {
		return ""
	}
	return c.Value
}

// agent returns who is signed in, or answers the request.
func (d *desk) agent(w http.ResponseWriter, r *http.Request) (string, bool) {
	name := signedIn(r)
	if name == "" {
		http.Error(w, "sign in first", http.StatusUnauthorized)
	}
	return name, name != ""
}

// name tells the page whose it is, "" for nobody's.
func (d *desk) name(w http.ResponseWriter, r *http.Request) { io.WriteString(w, signedIn(r)) }

func (d *desk) agentToken(w http.ResponseWriter, r *http.Request) {
	if name, ok := d.agent(w, r); ok {
		d.sign(w, r, "agent-"+name, map[string][]string{
			"desk":   {"subscribe"},
			"case:*": {"subscribe", "publish"},
			"live:*": {"subscribe", "publish"},
		})
	}
}

func (d *desk) list(w http.ResponseWriter, r *http.Request) {
	if _, ok := d.agent(w, r); ok {
		write(w, d.cases.list())
	}
}

func (d *desk) take(w http.ResponseWriter, r *http.Request) { d.change(w, r, "taken", d.cases.take) }

func (d *desk) close(w http.ResponseWriter, r *http.Request) { d.change(w, r, "closed", d.cases.close) }

func (d *desk) change(w http.ResponseWriter, r *http.Request, event string, change func(id, agent string) (supportCase, error)) {
	name, ok := d.agent(w, r)
	if !ok {
		return
	}
	c, err := change(r.PathValue("id"), name)
	if err != nil {
		refuse(w, err)
		return
	}
	d.announce(w, r, event, c)
}
