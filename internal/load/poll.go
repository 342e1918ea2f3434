package load

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// A poller is a client's line over long polling: a request that is held, over and over, each
// with the cursor of the answer before.
type poller struct {
	requester
	bearer string
	path   string // with the channel
	cursor string
	buf    []byte
}

const (
	pollWait    = 25 * time.Second
	pollTimeout = pollWait + 20*time.Second
)

func openPoll(ctx context.Context, t *target, channel, bearer string) (line, error) {
	p := &poller{requester: requester{target: t}, bearer: bearer, path: "/v1/poll?limit=1000&channels=" + channel}
	answer, err := p.poll(ctx, dialTimeout, 0)
	if err == nil && len(answer.Messages)+len(answer.Gaps) > 0 {
		err = errors.New("the first poll, from now on, brought something older")
	}
	if err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// A pollAnswer is what one poll brought.
type pollAnswer struct {
	Messages []json.RawMessage
	Gaps     []json.RawMessage
	Cursor   string
	Retry    int
}

func (p *poller) poll(ctx context.Context, timeout, wait time.Duration) (answer pollAnswer, err error) {
	path := fmt.Sprintf("%s&wait=%.0f", p.path, wait.Seconds())
	if p.cursor != "" {
		path += "&cursor=" + p.cursor // names and positions need no escaping
	}
	p.buf = append(append(p.buf[:0], p.target.head(http.MethodGet, path, p.bearer)...), "\r\n"...)
	status, body, err := p.do(ctx, timeout, p.buf)
	switch {
	case err != nil:
		return answer, err
	case status != http.StatusOK:
		return answer, refused(status, body)
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, err
	}
	if answer.Cursor == "" {
		return answer, errors.New("the answer has no cursor")
	}
	p.cursor = answer.Cursor
	return answer, nil
}

func (p *poller) follow(to *subscriber) error {
	for {
		answer, err := p.poll(context.Background(), pollTimeout, pollWait)
		if err != nil {
			return err
		}
		for range answer.Gaps {
			to.gap()
		}
		for _, m := range answer.Messages {
			to.message(m)
		}
		if answer.Retry > 0 {
			return errors.New("the server is about to stop")
		}
	}
}
