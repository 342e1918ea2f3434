package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/pubsub"
)

// A post is a request to publish.
type post struct {
	Path, Type, Authorization string
	Body                      map[string]any
}

// posted answers posts one after the other, the last answer again and again.
func posted(t *testing.T, list ...func(*http.Request) (*http.Response, error)) (*http.Client, *[]post) {
	var posts []post
	return &http.Client{Transport: web(func(r *http.Request) (*http.Response, error) {
		p := post{Path: r.URL.Path, Type: r.Header.Get("Content-Type"), Authorization: r.Header.Get("Authorization")}
		dec := json.NewDecoder(r.Body)
		dec.UseNumber()
		if err := dec.Decode(&p.Body); err != nil {
			t.Error(err)
		}
		posts = append(posts, p)
		next := list[0]
		if len(list) > 1 {
			list = list[1:]
		}
		return next(r)
	})}, &posts
}

func says(body string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		return answer(200, strings.NewReader(body), "Content-Type", "application/json"), nil
	}
}

const (
	storedItem = `{"results":[{"index":0,"channel":"a","id":"0190b0a0-0000-7000-8000-000000000000","pos":"aaaa-1-0123abcd","duplicate":true}],"failed":0}`
	storedOK   = `{"type":"ok","ref":1,"id":"0190b0a0-0000-7000-8000-000000000000","pos":"aaaa-1-0123abcd","duplicate":true}`
)

var receipt = Receipt{"0190b0a0-0000-7000-8000-000000000000", pubsub.Position{Epoch: "aaaa", Offset: 1, Digest: 0x0123abcd}, true}

func TestPublishSaysEverything(t *testing.T) {
	p := Publication{
		Event: "said", Meta: map[string]string{"Ä": "line\nbreak"}, Key: "k",
		Data: json.RawMessage(`{"n":9007199254740993, "html":"<b>"}`),
	}
	message := map[string]any{
		"channel": "a", "event": "said", "meta": map[string]any{"Ä": "line\nbreak"}, "idempotency_key": "k",
		"data": map[string]any{"n": json.Number("9007199254740993"), "html": "<b>"},
	}
	web, posts := posted(t, says(storedItem))
	got, err := opened(t, Options{APIKey: "secret", Token: FixedToken("tok"), HTTPClient: web}).Publish(t.Context(), "a", p)
	if err != nil || got != receipt {
		t.Errorf("as a backend: %+v, %v", got, err)
	}
	want := []post{{"/v1/messages", "application/json", "Bearer secret", map[string]any{"messages": []any{message}}}}
	if diff := cmp.Diff(want, *posts); diff != "" {
		t.Errorf("as a backend, expected (-) and sent (+) differ:\n%s", diff)
	}

	web, posts = posted(t, says(storedOK))
	got, err = opened(t, Options{ClientID: "me", Token: FixedToken("tok"), HTTPClient: web}).Publish(t.Context(), "a", p)
	if err != nil || got != receipt {
		t.Errorf("as a client: %+v, %v", got, err)
	}
	message["type"], message["ref"], message["token"] = "publish", json.Number("1"), "tok"
	message["client"] = "me"
	want = []post{{"/v1/send", "text/plain;charset=UTF-8", "", message}}
	if diff := cmp.Diff(want, *posts); diff != "" {
		t.Errorf("as a client, expected (-) and sent (+) differ:\n%s", diff)
	}
}

func TestPublishRepeatsUnderOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		page := func(*http.Request) (*http.Response, error) {
			return answer(502, strings.NewReader("<html>"), "Content-Type", "text/html"), nil
		}
		cut := func(*http.Request) (*http.Response, error) {
			return answer(200, io.MultiReader(strings.NewReader(`{"results`), failing{}), "Content-Type", "application/json"), nil
		}
		web, posts := posted(t, fails, page, cut,
			problem(503, "draining", "1"),
			says(`{"results":[{"index":0,"channel":"a","error":{"status":503,"code":"outcome_unknown","detail":"?"}}],"failed":1}`),
			says(storedItem))
		retries := 0
		c := opened(t, Options{APIKey: "secret", HTTPClient: web, OnRetry: func(error, time.Duration) { retries++ }})
		got, err := c.Publish(t.Context(), "a", Publication{Event: "e"})
		if err != nil || got != receipt || retries != 5 {
			t.Errorf("%+v, %v, behind %d retries", got, err, retries)
		}
		keys := make(map[any]int)
		for _, p := range *posts {
			keys[p.Body["messages"].([]any)[0].(map[string]any)["idempotency_key"]]++
		}
		if len(keys) != 1 || len(*posts) != 6 {
			t.Errorf("%d posts used the keys %v", len(*posts), keys)
		}
	})
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("reset") }

func TestPublishGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			name   string
			answer func(*http.Request) (*http.Response, error)
			p      Publication
			most   time.Duration
			says   string
		}{
			{"when refused", problem(403, "forbidden", ""), Publication{}, 0, "403 forbidden"},
			{"when the item is refused", says(`{"results":[{"error":{"status":422,"code":"key_reused"}}]}`), Publication{}, 0, "422 key_reused"},
			{"when it is no JSON", says(storedItem), Publication{Data: json.RawMessage("{")}, 0, "the data is no JSON"},
			{"in the end", fails, Publication{}, 30 * time.Second, "connection refused"},
			{"when nobody answers", func(r *http.Request) (*http.Response, error) { <-r.Context().Done(); return nil, r.Context().Err() },
				Publication{}, 31 * time.Second, "no answer in time"},
			{"of an answer without sense", says(`{"results":[]}`), Publication{}, 30 * time.Second, "0 results"},
		} {
			t.Log(tt.name)
			web, _ := posted(t, tt.answer)
			begin := time.Now()
			_, err := opened(t, Options{APIKey: "secret", HTTPClient: web}).Publish(t.Context(), "a", tt.p)
			took := time.Since(begin)
			if err == nil || !strings.Contains(err.Error(), tt.says) || took > tt.most {
				t.Errorf("%s: %v, after %v", tt.name, err, took)
			}
			if tt.most > 0 && took < 10*time.Second {
				t.Errorf("%s: given up after %v", tt.name, took)
			}
		}
	})
}

func TestPublishEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		web, _ := posted(t, fails)
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		_, err := opened(t, Options{HTTPClient: web}).Publish(ctx, "a", Publication{Event: "e"})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Publish returned %v", err)
		}
	})
}
