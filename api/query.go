package api

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
)

// query reads the query of a request. A parameter that is not known is refused: what it
// was meant to say would be lost.
func query(r *http.Request, known ...string) (url.Values, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, problem.New(problem.BadRequest, "the query is not URL-encoded")
	}
	for name, given := range values {
		switch {
		case len(known) == 0:
			return nil, problem.New(problem.BadRequest, "this path takes no query parameters, %.40q is one", name)
		case !slices.Contains(known, name):
			return nil, problem.New(problem.BadRequest, "there is no query parameter %.40q, known are %s", name, strings.Join(known, ", "))
		case len(given) > 1:
			return nil, problem.New(problem.BadRequest, "the query parameter %s stands in the query %d times", name, len(given))
		}
	}
	return values, nil
}

const (
	defaultLimit = 100
	maxLimit     = 1000
)

// limit reads how many entries are asked for.
func limit(q url.Values) (int, error) {
	if !q.Has("limit") {
		return defaultLimit, nil
	}
	n, err := strconv.Atoi(q.Get("limit"))
	if err != nil || n < 1 || n > maxLimit {
		return 0, problem.New(problem.BadRequest, "limit must be a whole number from 1 to %d", maxLimit)
	}
	return n, nil
}

// position reads a position, if there is one.
func position(q url.Values, name string) (p pubsub.Position, given bool, err error) {
	if !q.Has(name) {
		return p, false, nil
	}
	if p, err = pubsub.ParsePosition(q.Get(name)); err != nil {
		return p, true, problem.New(problem.BadPosition, "%s: %v", name, err)
	}
	return p, true, nil
}

// replicated reads ?durability=.
func replicated(q url.Values) (bool, error) {
	switch {
	case !q.Has("durability"):
		return false, nil
	case q.Get("durability") == "replicated":
		return true, nil
	}
	return false, problem.New(problem.BadRequest, "durability can be replicated, or be left away")
}
