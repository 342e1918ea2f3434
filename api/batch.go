package api

import (
	"net/http"

	"github.com/wsbridge/wsbridge/internal/problem"
	"github.com/wsbridge/wsbridge/pubsub"
)

const (
	maxItems        = 1000
	maxPublications = 10_000
	batchBody       = 16 << 20 // bytes, unless Options say otherwise
)

// A result is what became of one item of a batch in one channel: a receipt or a problem.
type result struct {
	Index   int    `json:"index"`
	Channel string `json:"channel,omitempty"` // as the item names it; "" if that cannot be told
	*receipt
	Error *problem.Problem `json:"error,omitempty"`
}

type receipt struct {
	ID        string `json:"id"`
	Pos       string `json:"pos"`
	Duplicate bool   `json:"duplicate"`
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
	answer := struct {
		Results []result `json:"results"`
		Failed  int      `json:"failed"`
	}{Results: b.results}
	for i := range b.results {
		to := &b.results[i]
		if to.Error == nil {
			s.settle(w, r, to, outcomes[0])
			outcomes = outcomes[1:]
		}
		if to.Error != nil {
			s.OnPublish(string(to.Error.Code))
			answer.Failed++
		}
	}
	s.answer(w, r, http.StatusOK, answer)
}

// settle fills in what became of a publication.
func (s *server) settle(w http.ResponseWriter, r *http.Request, to *result, outcome pubsub.Outcome) {
	if outcome.Err != nil {
		refused := s.explain(w, r, outcome.Err)
		to.Error = &refused
		return
	}
	first := outcome.Receipt
	if first.Duplicate {
		s.OnPublish("duplicate")
	} else {
		s.OnPublish("stored")
	}
	to.receipt = &receipt{first.Message.ID.String(), first.Message.Pos.String(), first.Duplicate}
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
