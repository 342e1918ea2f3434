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
	text, err := readAll(body, r.ContentLength)
	if err != nil {
		return nil, bodyError(err)
	}
	return text, nil
}

// readAll reads to the end of a body. Its bytes are kept for as long as a message is, so one that
// says how long it is takes no more than that.
func readAll(body io.Reader, length int64) ([]byte, error) {
	if length < 0 || length > believed {
		return io.ReadAll(body)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(body, text); err != nil {
		return nil, err
	}
	var behind [1]byte
	if n, err := body.Read(behind[:]); n > 0 || err != io.EOF {
		return nil, errors.Join(errNotItsLength, err)
	}
	return text, nil
}

// believed is how many bytes get their room when a request says that they will come.
const believed = 64 << 10

var errNotItsLength = errors.New("the body is not as long as it says")

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
