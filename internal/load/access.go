package load

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// tokenLife is how much longer a token lives than messages are published, for connecting before.
const tokenLife = time.Hour

// access checks that the server lets the run publish, and returns the token of its clients. What
// is wrong with the key is known before thousands have connected.
func access(ctx context.Context, t *target, o *Options, run string) (token string, err error) {
	r := requester{target: t}
	defer r.close()
	if o.Token != "" || o.APIKey == "" {
		status, answer, err := r.do(ctx, requestTimeout, []byte(t.head(http.MethodGet, "/v1/channels?limit=1", o.APIKey)+"\r\n"))
		if err == nil && status != http.StatusOK {
			err = keyRefused(o.APIKey, refused(status, answer))
		}
		return o.Token, err
	}
	return signed(ctx, &r, o, run)
}

// keyRefused says what is to be done about it.
func keyRefused(key string, err error) error {
	if key == "" {
		return fmt.Errorf("an API key is needed (--api-key or WSBRIDGE_API_KEY): %w", err)
	}
	return fmt.Errorf("the API key: %w", err)
}

// signed has the server sign a token for the clients: whoever may publish may have one. A server
// without token keys answers that it cannot, and its clients show none.
func signed(ctx context.Context, r *requester, o *Options, run string) (string, error) {
	body, err := json.Marshal(map[string]any{
		"sub":          "bench-" + run,
		"capabilities": map[string][]string{o.Namespace + ":" + run + "-*": {"subscribe"}},
		"ttl":          (o.Duration + tokenLife).String(),
	})
	if err != nil {
		return "", err
	}
	status, answer, err := r.do(ctx, requestTimeout, withBody(r.target.head(http.MethodPost, "/v1/tokens", o.APIKey), body))
	if err != nil {
		return "", err
	}
	var is struct{ Token, Code string }
	json.Unmarshal(answer, &is)
	switch {
	case status == http.StatusCreated && is.Token != "":
		return is.Token, nil
	case status == http.StatusUnauthorized:
		return "", keyRefused(o.APIKey, refused(status, answer))
	case is.Code == "not_supported":
		return "", nil
	}
	return "", fmt.Errorf("the server signs no token for the clients (give one with --token): %w", refused(status, answer))
}

// withBody completes a request.
func withBody(head string, body []byte) []byte {
	return append(fmt.Appendf(nil, "%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", head, len(body)), body...)
}
