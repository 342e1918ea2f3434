package raw

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/url"
)

// A Question is a request that is no line, such as a command to /v1/send.
type Question struct {
	Method string
	Path   string     // below the URL of the options
	Query  url.Values // beside that of the URL
	Type   string     // the body's; empty: there is no body
	Body   []byte
}

// maxReply bounds an answer, in bytes: the server ends those of history near 8 MiB.
const maxReply = 16 << 20

// Ask sends a question once and returns the whole answer, which is JSON. The error is a
// [*Refused], a [*Violation], that of ctx, or wraps [ErrBroken].
func Ask(ctx context.Context, o Options, q Question) ([]byte, error) {
	u, err := o.endpoint(q.Path, false)
	if err != nil {
		return nil, err
	}
	if len(q.Query) > 0 {
		all := u.Query()
		for name, values := range q.Query {
			all[name] = values
		}
		u.RawQuery = all.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, q.Method, u.String(), bytes.NewReader(q.Body))
	if err != nil {
		return nil, err
	}
	if q.Type != "" {
		req.Header.Set("Content-Type", q.Type)
	}
	if o.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+o.APIKey)
	}
	httpClient, done := o.http()
	defer done()
	resp, err := httpClient.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, broken(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		return nil, refused(resp)
	}
	if got := mediaType(resp.Header); got != "application/json" {
		return nil, violation("%s answers with the type %q, not application/json", q.Path, got)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxReply+1))
	switch {
	case err != nil:
		return nil, broken(err)
	case len(answer) > maxReply:
		return nil, violation("an answer of more than %d bytes", maxReply)
	}
	return answer, nil
}
