package redistest

import (
	"bufio"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// maxBulk bounds what one reply may claim to hold, as Redis does (proto-max-bulk-len).
const maxBulk = 512 << 20

// A reply is one value of the Redis serialization protocol, RESP2 or RESP3.
// https://redis.io/docs/latest/develop/reference/protocol-spec/
type reply struct {
	kind byte    // the byte it begins with
	text string  // of simple values and bulk strings
	list []reply // of aggregates; of a map, keys and values in turns
	null bool    // $-1 or *-1 in RESP2
}

// readReply reads one value. Its error is of the connection or the protocol; a value that is
// an error is told by its kind.
func readReply(r *bufio.Reader) (reply, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return reply{}, err
	}
	line, ok := strings.CutSuffix(line, "\r\n")
	if !ok || line == "" {
		return reply{}, fmt.Errorf("RESP: bad line %.40q", line)
	}
	v := reply{kind: line[0], text: line[1:]}
	switch v.kind {
	case '+', '-', ':', '_', '#', ',', '(':
		return v, nil
	case '$', '=', '!', '*', '~', '>', '%':
	default:
		return reply{}, fmt.Errorf("RESP: unknown type %q", v.kind)
	}

	n, err := strconv.Atoi(v.text)
	if err != nil || n < -1 || n > maxBulk {
		return reply{}, fmt.Errorf("RESP: bad length %.40q", v.text)
	}
	v.text = ""
	if n == -1 {
		v.null = true
		return v, nil
	}
	switch v.kind {
	case '$', '=', '!':
		bulk := make([]byte, n+2)
		if _, err := io.ReadFull(r, bulk); err != nil {
			return reply{}, err
		}
		v.text = string(bulk[:n])
		return v, nil
	case '%':
		n *= 2
	}
	for range n {
		e, err := readReply(r)
		if err != nil {
			return reply{}, err
		}
		v.list = append(v.list, e)
	}
	return v, nil
}

// append appends the value as it was read.
func (v reply) append(b []byte) []byte {
	b = append(b, v.kind)
	switch v.kind {
	case '$', '=', '!':
		if v.null {
			return append(b, "-1\r\n"...)
		}
		b = strconv.AppendInt(b, int64(len(v.text)), 10)
		b = append(b, "\r\n"...)
		b = append(b, v.text...)
		return append(b, "\r\n"...)
	case '*', '~', '>', '%':
		n := len(v.list)
		switch {
		case v.null:
			n = -1
		case v.kind == '%':
			n /= 2
		}
		b = strconv.AppendInt(b, int64(n), 10)
		b = append(b, "\r\n"...)
		for _, e := range v.list {
			b = e.append(b)
		}
		return b
	}
	b = append(b, v.text...)
	return append(b, "\r\n"...)
}

// flat appends the texts of the value and all inside it.
func (v reply) flat(texts []string) []string {
	switch v.kind {
	case '*', '~', '>', '%':
		for _, e := range v.list {
			texts = e.flat(texts)
		}
		return texts
	}
	return append(texts, v.text)
}

// field returns the value of a key in a map, as RESP2 writes it: a list of both in turns.
func (v reply) field(key string) string {
	for i := 0; i+1 < len(v.list); i += 2 {
		if v.list[i].text == key {
			return v.list[i+1].text
		}
	}
	return ""
}

// command encodes a command.
func command(args []string) []byte {
	v := reply{kind: '*'}
	for _, a := range args {
		v.list = append(v.list, reply{kind: '$', text: a})
	}
	return v.append(nil)
}
