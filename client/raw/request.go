package raw

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

// ask sends the request of one connection or poll and checks that the answer is one, of
// the given media type. The caller closes its body.
func (d *dialing) ask(ctx context.Context, path, media string, cursor pubsub.Cursor, wait time.Duration) (*http.Response, error) {
	req, err := d.request(ctx, path, &wire.Request{
		Token:    d.Token,
		Client:   d.ClientID,
		Channels: d.Channels,
		Cursor:   cursor,
		Wait:     wait,
		Limit:    d.Limit,
	})
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", media)
	// Compression is for whoever asks: inside a stream it would hold events back.
	req.Header.Set("Accept-Encoding", "identity")
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, broken(err)
	}
	err = nil
	if resp.StatusCode != http.StatusOK {
		err = refused(resp)
	} else if got := mediaType(resp.Header); got != media {
		err = violation("%s answers with the type %q, not %s", path, got, media)
	}
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp, nil
}

func (d *dialing) request(ctx context.Context, path string, r *wire.Request) (*http.Request, error) {
	u, err := d.endpoint(path, false)
	if err != nil {
		return nil, err
	}
	if !d.Get {
		// As text/plain a browser sends it to another origin without asking first.
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(wire.AppendRequest(nil, r)))
		if err != nil {
			return nil, err
		}
		req.Header.Set("Content-Type", "text/plain;charset=UTF-8")
		return req, nil
	}
	q := u.Query()
	q.Set("client", r.Client)
	if len(r.Channels) > 0 {
		q.Set("channels", strings.Join(names(r.Channels), ","))
	}
	if len(r.Cursor) > 0 {
		q.Set("cursor", r.Cursor.String())
	}
	q.Set("wait", strconv.FormatFloat(r.Wait.Seconds(), 'f', -1, 64))
	q.Set("limit", strconv.Itoa(r.Limit))
	u.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, err
	}
	if r.Token != "" {
		req.Header.Set("Authorization", "Bearer "+r.Token)
	}
	return req, nil
}

func names(channels []pubsub.Channel) []string {
	names := make([]string, len(channels))
	for i, c := range channels {
		names[i] = string(c)
	}
	return names
}
