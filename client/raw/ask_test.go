package raw

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

func TestAsk(t *testing.T) {
	type asked struct{ Method, URI, Type, Authorization, Body string }
	var got asked
	var reply func(w http.ResponseWriter)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = asked{r.Method, r.RequestURI, r.Header.Get("Content-Type"), r.Header.Get("Authorization"), string(body)}
		reply(w)
	}))
	defer server.Close()
	says := func(status int, contentType, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	o := Options{URL: server.URL + "/below?key=b", APIKey: "secret", Token: "tok"}
	question := func() Question {
		return Question{
			Method: http.MethodPost, Path: "/v1/x", Query: url.Values{"limit": {"7"}},
			Header: http.Header{"Content-Type": {"text/plain"}}, Body: strings.NewReader("hello"),
		}
	}
	reply = says(201, "application/json", `{"a":1}`)
	answer, err := Ask(t.Context(), o, question())
	if want := (asked{"POST", "/below/v1/x?key=b&limit=7", "text/plain", "Bearer secret", "hello"}); err != nil || got != want || string(answer) != `{"a":1}` {
		t.Errorf("asked %+v, answered %s, %v", got, answer, err)
	}
	o.APIKey = ""
	if _, err := Ask(t.Context(), o, question()); err != nil || got.Authorization != "Bearer tok" {
		t.Errorf("with a token: %q, %v", got.Authorization, err)
	}

	rules, no := (*Violation)(nil), (*Refused)(nil)
	reply = says(200, "text/html", "<html>please log in")
	if _, err := Ask(t.Context(), o, question()); !errors.As(err, &rules) {
		t.Errorf("a page of a proxy: %v", err)
	}
	reply = says(200, "application/json", strings.Repeat(" ", maxReply+1))
	if _, err := Ask(t.Context(), o, question()); !errors.As(err, &rules) {
		t.Errorf("an endless answer: %v", err)
	}
	reply = says(403, "application/problem+json", `{"code":"forbidden","detail":"no","channel":"a"}`)
	if _, err := Ask(t.Context(), o, question()); !errors.As(err, &no) || no.Status != 403 || no.Code != "forbidden" || no.Channel != "a" {
		t.Errorf("a refusal: %+v", err)
	}
	reply = func(http.ResponseWriter) { panic(http.ErrAbortHandler) }
	if _, err := Ask(t.Context(), o, question()); !errors.Is(err, ErrBroken) {
		t.Errorf("a connection that breaks: %v", err)
	}
}
