package raw

import (
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
	Header http.Header
	Body   io.Reader // sent once; nil: none
	Size   int64     // of the body, if it is known; what Body says of itself beats it
}

// maxReply bounds an answer, in bytes: the server ends those of history near 8 MiB.
const maxReply = 16 << 20

// Ask sends a question once and returns the whole answer, which is JSON. The error is a
// [*Refused], a [*Violation], that of ctx, or wraps [ErrBroken].
func Ask(ctx context.Context, o Options, q Question) ([]byte, error) {
	httpClient, done := o.http()
	defer done()
	o.HTTPClient = httpClient
	resp, err := Do(ctx, o, q)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
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

// Do sends a question once and returns the answer with 200 or 201, of any type and length. The
// caller closes its body. The error is that of [Ask].
func Do(ctx context.Context, o Options, q Question) (*http.Response, error) {
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
	req, err := http.NewRequestWithContext(ctx, q.Method, u.String(), q.Body)
	if err != nil {
		return nil, err
	}
	if q.Size > 0 && req.ContentLength == 0 {
		req.ContentLength = q.Size
	}
	for name, values := range q.Header {
		req.Header[name] = values
	}
	switch {
	case o.APIKey != "":
		req.Header.Set("Authorization", "Bearer "+o.APIKey)
	case o.Token != "":
		req.Header.Set("Authorization", "Bearer "+o.Token)
	}
	httpClient := o.HTTPClient
	if httpClient == nil {
		httpClient = http.DefaultClient
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, broken(err)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated {
		defer resp.Body.Close()
		return nil, refused(resp)
	}
	return resp, nil
}
