package stage

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// Token has the bridge sign a token for a user, good for an hour. A backend that has a library for JWT signs it by
// itself, with one of the bridge's token keys.
func (b Bridge) Token(ctx context.Context, user string, capabilities map[string][]string) (string, error) {
	body, err := json.Marshal(map[string]any{"sub": user, "capabilities": capabilities, "ttl": "1h"})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.URL+"/v1/tokens", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	if b.APIKey != "" {
		req.Header.Set("Authorization", "Bearer "+b.APIKey)
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusCreated {
		problem, _ := io.ReadAll(io.LimitReader(answer.Body, 4<<10))
		return "", fmt.Errorf("a token for %s: %s: %s", user, answer.Status, problem)
	}
	var signed struct{ Token string }
	err = json.NewDecoder(answer.Body).Decode(&signed)
	return signed.Token, err
}
