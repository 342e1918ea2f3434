package transport

import (
	"net/http"
	"strconv"
	"time"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// Send serves /v1/send: one command by POST, answered with its ok or error object as over a
// WebSocket. The status of an error is that of its code. What is refused before there is a
// command (a foreign origin, a bad body, a bad token) is a problem like everywhere else.
func (s *Server) Send(w http.ResponseWriter, r *http.Request) {
	if err := s.claimRequest(s.ClientIP(r)); err != nil {
		s.refuse(w, "send", err)
		return
	}
	command, who, err := s.admitCommand(w, r)
	if err != nil {
		s.refuse(w, "send", err)
		return
	}
	out := getScratch()
	defer out.put()
	status := http.StatusOK
	if out.b, err = s.answer(r.Context(), out.b, who, &command); err != nil {
		p := refusal(err)
		status = p.Status
		if p.Code == problem.Internal {
			s.options.Logger.Error("command failed", "transport", "send", "error", err)
		}
		if p.RetryAfter > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int((p.RetryAfter+time.Second-1)/time.Second)))
		}
		out.b = wire.AppendError(out.b[:0], command.Ref, string(p.Code), p.Detail, p.Channel)
	}
	h := w.Header()
	setAnswerHeader(h)
	h.Set("Content-Length", strconv.Itoa(len(out.b)))
	s.lastAnswer(w)
	w.WriteHeader(status)
	if writeAll(w, out.b) != nil {
		out.b = nil
	}
}

// admitCommand reads a command and who sends it.
func (s *Server) admitCommand(w http.ResponseWriter, r *http.Request) (wire.Command, caller, error) {
	var none wire.Command
	if err := checkMethod(w, r, http.MethodPost); err != nil {
		return none, caller{}, err
	}
	query := r.URL.Query()
	shown, bad := wire.ParseQuery(query, maxHTTPChannels)
	if bad != nil {
		return none, caller{}, bad
	}
	text, err := readBody(w, r, s.maxCommand())
	if err != nil {
		return none, caller{}, err
	}
	command, bad := wire.ParseCommand(text)
	if bad != nil {
		return none, caller{}, bad
	}
	token, name := command.Token, command.Client
	if token == "" {
		token = shown.Token
	}
	if name == "" {
		name = shown.Client
	}
	id, err := s.authenticate(r, token)
	return command, caller{id.principal(), nameOf(name)}, err
}
