package api

import "net/http"

// publishToUser serves POST /v1/users/{user}/messages: a publish to the user's personal
// channel.
func (s *server) publishToUser(w http.ResponseWriter, r *http.Request) {
	c, err := userChannelOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.publish(w, r, c)
}
