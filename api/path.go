package api

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/go-chi/chi/v5"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
)

// segment returns one parameter of the path, unescaped.
func segment(r *http.Request, name string) string {
	// net/http took no path whose escapes are broken.
	s, _ := url.PathUnescape(chi.URLParam(r, name))
	return s
}

// channelOf returns the channel in the path.
func channelOf(r *http.Request) (pubsub.Channel, error) {
	return pubsub.ParseChannel(segment(r, "channel"))
}

// userChannelOf returns the personal channel of the user in the path.
func userChannelOf(r *http.Request) (pubsub.Channel, error) {
	user := segment(r, "user")
	switch {
	case user == "" || len(user) > auth.MaxUser:
		return "", problem.New(problem.BadRequest, "a user's name has 1 to %d bytes, this one %d", auth.MaxUser, len(user))
	case !utf8.ValidString(user) || strings.ContainsRune(user, utf8.RuneError):
		return "", problem.New(problem.BadRequest, "the user's name is not UTF-8, so no token can have it")
	}
	return pubsub.UserChannel(user)
}
