package api

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
	"github.com/wsbridge/wsbridge/transport/wire"
)

const (
	maxItems        = 1000
	maxPublications = 10_000
	batchBody       = 16 << 20 // bytes, unless Options say otherwise
)

// A result is what became of one item of a batch in one channel: a receipt or a problem.
type result struct {
	index   int
	channel string // as the item names it; "" if that cannot be told
	receipt pubsub.Receipt
	refused *problem.Problem
}

// appendTo appends the result as JSON.
func (to *result) appendTo(dst []byte) ([]byte, error) {
	if to.refused == nil {
		return wire.AppendResult(dst, to.index, to.receipt), nil
	}
	text, err := json.Marshal(struct {
		Index   int              `json:"index"`
		Channel string           `json:"channel,omitempty"`
		Error   *problem.Problem `json:"error"`
	}{to.index, to.channel, to.refused})
	return append(dst, text...), err
}

// publishBatch serves POST /v1/messages. Nothing is published before the whole body was
// read and found to be a batch.
func (s *server) publishBatch(w http.ResponseWriter, r *http.Request) {
	b, err := s.readBatch(w, r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	outcomes := s.Bridge.PublishBatch(r.Context(), b.publications)
	answer, failed := append(make([]byte, 0, resultSize*(1+len(b.results))), `{"results":[`...), 0
	for i := range b.results {
		to := &b.results[i]
		if to.refused == nil {
			s.settle(w, r, to, outcomes[0])
			outcomes = outcomes[1:]
		}
		if to.refused != nil {
			s.OnPublish(string(to.refused.Code))
			failed++
		}
		if i > 0 {
			answer = append(answer, ',')
		}
		if answer, err = to.appendTo(answer); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	answer = strconv.AppendInt(append(answer, `],"failed":`...), int64(failed), 10)
	write(w, http.StatusOK, append(answer, "}\n"...))
}

// resultSize is about as many bytes as a result has.
const resultSize = 160

// settle fills in what became of a publication.
func (s *server) settle(w http.ResponseWriter, r *http.Request, to *result, outcome pubsub.Outcome) {
	if outcome.Err != nil {
		refused := s.explain(w, r, outcome.Err)
		to.refused = &refused
		return
	}
	if to.receipt = outcome.Receipt; to.receipt.Duplicate {
		s.OnPublish("duplicate")
	} else {
		s.OnPublish("stored")
	}
}

// readBatch reads a batch from a request.
func (s *server) readBatch(w http.ResponseWriter, r *http.Request) (*batch, error) {
	q, err := query(r, "durability")
	if err != nil {
		return nil, err
	}
	b := &batch{results: []result{}, maxData: s.MaxMessage}
	if b.replicated, err = replicated(q); err != nil {
		return nil, err
	}
	if err := requireJSON(r.Header); err != nil {
		return nil, err
	}
	text, err := body(w, r, s.maxBatch())
	if err != nil {
		return nil, err
	}
	return b, b.read(text)
}

// maxBatch is how long the body of a batch may be. The largest message always fits.
func (s *server) maxBatch() int64 {
	if s.MaxBatch > 0 {
		return max(s.MaxBatch, s.largestEnvelope())
	}
	return max(batchBody, 2*s.largestEnvelope())
}

// largestEnvelope is how long JSON may be that holds one message in base64.
func (s *server) largestEnvelope() int64 { return int64(s.MaxMessage+2)/3*4 + envelope }

// envelope is the room for everything beside a payload, in bytes.
const envelope = 64 << 10
