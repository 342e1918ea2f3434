package api

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/wsbridge/wsbridge/internal/problem"
)

// body returns the body of a request, of max bytes at most. One that says it is longer is
// refused before a byte of it is read, so that a sender that waits for 100 Continue sends
// nothing.
func body(w http.ResponseWriter, r *http.Request, max int64) (io.Reader, error) {
	if err := checkEncoding(w, r); err != nil {
		return nil, err
	}
	if r.ContentLength > max {
		return nil, problem.New(problem.TooLarge, "the body has %d bytes, at most %d are allowed", r.ContentLength, max)
	}
	return http.MaxBytesReader(w, r.Body, max), nil
}

// readBody returns the whole body of a request.
func readBody(w http.ResponseWriter, r *http.Request, max int64) ([]byte, error) {
	body, err := body(w, r, max)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, bodyError(err)
	}
	return text, nil
}

// bodyError says why a body could not be read to its end.
func bodyError(err error) error {
	tooLarge := (*http.MaxBytesError)(nil)
	switch {
	case errors.As(err, &tooLarge):
		return err
	case errors.Is(err, os.ErrDeadlineExceeded):
		return problem.New(problem.Timeout, "")
	}
	return problem.New(problem.BadRequest, "the body ended before it was complete")
}

// checkEncoding refuses bodies that would have to be decompressed: what they cost is not
// known before.
func checkEncoding(w http.ResponseWriter, r *http.Request) error {
	for _, value := range r.Header.Values("Content-Encoding") {
		for coding := range strings.SplitSeq(value, ",") {
			if coding = strings.TrimSpace(coding); coding != "" && !strings.EqualFold(coding, "identity") {
				// https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3: what would have been taken
				w.Header().Set("Accept-Encoding", "identity")
				return problem.New(problem.UnsupportedMediaType, "a body cannot come compressed (Content-Encoding: %.40s); send it as it is", coding)
			}
		}
	}
	return nil
}
