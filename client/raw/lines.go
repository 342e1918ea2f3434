package raw

import (
	"bufio"
	"bytes"
	"io"
)

// lines cuts a stream into lines that end with CR, LF or both, as server-sent events do.
// The lines of an HTTP stream hold no CR, since payloads are compact and strings escape it.
type lines struct {
	r       *bufio.Reader
	max     int // bytes of a line
	buf     []byte
	afterCR bool // an LF that comes next belongs to the line before
}

func newLines(r io.Reader, max int) lines { return lines{r: bufio.NewReader(r), max: max} }

// next returns a line without its end, good until the call after. What the stream ends
// with is no line unless it is ended itself.
func (l *lines) next() ([]byte, error) {
	l.buf = l.buf[:0]
	for {
		if _, err := l.r.Peek(1); err != nil {
			return nil, err
		}
		chunk, _ := l.r.Peek(l.r.Buffered())
		if l.afterCR {
			l.afterCR = false
			if chunk[0] == '\n' {
				l.r.Discard(1)
				continue
			}
		}
		i := bytes.IndexAny(chunk, "\r\n")
		part := chunk
		if i >= 0 {
			part = chunk[:i]
		}
		if len(l.buf)+len(part) > l.max {
			return nil, violation("a line of more than %d bytes", l.max)
		}
		l.buf = append(l.buf, part...)
		if i >= 0 {
			l.afterCR = chunk[i] == '\r'
			l.r.Discard(i + 1)
			return l.buf, nil
		}
		l.r.Discard(len(chunk))
	}
}
