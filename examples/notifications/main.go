// Command notifications is a shop that tells its customers what becomes of their orders, wherever they are on its site.
package main

import (
	"context"
	"embed"
	"io"
	"io/fs"
	"net/http"

	"github.com/wsbridge/wsbridge/client"
	"github.com/wsbridge/wsbridge/examples/internal/stage"
	"github.com/wsbridge/wsbridge/pubsub"
)

//go:embed web
var web embed.FS

func main() { stage.Main("notifications", "127.0.0.1:9101", build) }

func build(ctx context.Context, b stage.Bridge) (http.Handler, error) {
	backend, err := b.Client()
	if err != nil {
		return nil, err
	}
	context.AfterFunc(ctx, func() { backend.Close() })
	s := &shop{bridge: b, backend: backend}
	pages, err := fs.Sub(web, "web")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /", http.FileServerFS(pages))
	mux.HandleFunc("POST /sign-in", s.signIn)
	mux.HandleFunc("GET /user", s.whoami)
	mux.HandleFunc("POST /token", s.token)
	mux.HandleFunc("POST /orders/{order}/ship", s.ship)
	return mux, nil
}

type shop struct {
	bridge  stage.Bridge
	backend *client.Client
}

// users are who may sign in: a real site has passwords and sessions here, and nothing else changes.
var users = map[string]bool{"ann": true, "bob": true}

func (s *shop) signIn(w http.ResponseWriter, r *http.Request) {
	user := r.FormValue("user")
	if !users[user] {
		http.Error(w, "nobody of that name: sign in as ann or bob", http.StatusForbidden)
		return
	}
	http.SetCookie(w, &http.Cookie{Name: "notifications-user", Value: user, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func signedIn(r *http.Request) string {
	c, err := r.Cookie("notifications-user")
	if err != nil || !users[c.Value] {
		return ""
	}
	return c.Value
}

// user returns who is signed in, or answers the request.
func (s *shop) user(w http.ResponseWriter, r *http.Request) (string, bool) {
	user := signedIn(r)
	if user == "" {
		http.Error(w, "sign in first", http.StatusUnauthorized)
	}
	return user, user != ""
}

// whoami tells the page whose it is, "" for nobody's.
func (s *shop) whoami(w http.ResponseWriter, r *http.Request) { io.WriteString(w, signedIn(r)) }

// token is what the page shows to the bridge. A user may always read its own channel, so it grants nothing more.
func (s *shop) token(w http.ResponseWriter, r *http.Request) {
	user, ok := s.user(w, r)
	if !ok {
		return
	}
	token, err := s.bridge.Token(r.Context(), user, nil)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	io.WriteString(w, token)
}

// ship is where something happens that the user should know. The key makes one notification of it, however often it is
// clicked or repeated.
func (s *shop) ship(w http.ResponseWriter, r *http.Request) {
	user, ok := s.user(w, r)
	if !ok {
		return
	}
	order := r.PathValue("order")
	_, err := s.backend.Publish(r.Context(), pubsub.Channel("user:"+user), client.Publication{
		Event: "notification",
		Data:  map[string]string{"text": "Order " + order + " is on its way"},
		Key:   "shipped-" + order,
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadGateway)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
