package docs

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what the server says now into the transcripts")

const patience = 30 * time.Second

// A transcript is a conversation in a document. The client's lines begin with >, the
// server's with <, what happens beside it with *, which is one of
//
//   - publish CHANNEL DATA
//   - purge CHANNEL
//   - stream CHANNEL BYTES
//
// A request or an answer is written as HTTP/1.1, whose head ends with an empty line. Once a
// connection is a WebSocket, a line is a text frame, "close CODE REASON", or "binary" with
// the bytes of the length in hex, the JSON, and the payload in hex.
//
// Names that are another each time (ids, positions, times) stand for those of the run: the
// first time that the server says one, it is learned, and from then on it has to be the same.
type transcript struct {
	t     *testing.T
	site  *site
	where string

	conn   net.Conn
	in     *bufio.Reader
	socket bool
	body   *bufio.Reader // of the answer that is being read; nil: none is

	names  map[string]string // as documented: of this run
	claims map[string]string // the other way
	said   []string          // the transcript of this run

	differs bool // it is another one, which -update writes
}

func TestTranscripts(t *testing.T) {
	d := read(t, "docs/protocol.md")
	found := 0
	for _, f := range d.fences() {
		name, ok := strings.CutPrefix(f.mark, "<!-- transcript: ")
		if !ok {
			if f.tag == "http" {
				t.Errorf("%s:%d: a conversation that is not tested", d.name, f.line)
			}
			continue
		}
		found++
		name, _, _ = strings.Cut(name, " -->")
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			c := &transcript{t: t, site: serve(t), where: fmt.Sprintf("%s:%d", d.name, f.line), names: map[string]string{}, claims: map[string]string{}}
			c.run(strings.Split(strings.TrimSuffix(f.code, "\n"), "\n"))
			if c.differs {
				d.text = strings.Replace(d.text, f.code, strings.Join(c.said, "\n")+"\n", 1)
			}
		})
	}
	if found < 8 {
		t.Errorf("%d transcripts", found)
	}
	if *update && !t.Failed() {
		if err := os.WriteFile(filepath.Join(top, d.name), []byte(d.text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// run takes the lines in groups of one speaker.
func (c *transcript) run(lines []string) {
	for len(lines) > 0 {
		who := speaker(lines[0])
		n := 1
		for n < len(lines) && speaker(lines[n]) == who {
			n++
		}
		group := slices.Clone(lines[:n])
		lines = lines[n:]
		for i := range group {
			group[i] = strings.TrimPrefix(strings.TrimPrefix(group[i], string(who)), " ")
		}
		switch who {
		case '>':
			c.send(group)
		case '<':
			c.receive(group)
		case '*':
			for _, line := range group {
				c.beside(line)
			}
		default:
			c.t.Fatalf("%s: nobody says %q", c.where, lines[0])
		}
	}
	if c.conn != nil {
		c.conn.Close()
	}
}

func speaker(line string) byte {
	if line == "" {
		return 0
	}
	return line[0]
}

func (c *transcript) say(who byte, line string) {
	c.said = append(c.said, strings.TrimRight(string(who)+" "+line, " "))
}

// send says what the client says, in names of this run.
func (c *transcript) send(group []string) {
	for _, line := range group {
		c.say('>', c.translate(line))
	}
	if c.socket {
		for _, line := range group {
			c.write(clientFrame(c.t, c.translate(line)))
		}
		return
	}
	if c.conn == nil {
		conn, err := net.DialTimeout("tcp", c.site.addr, patience)
		if err != nil {
			c.t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(patience))
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	head, body := group, ""
	if i := slices.Index(group, ""); i >= 0 {
		head, body = group[:i], strings.Join(group[i+1:], "\n")
	}
	request := c.translate(strings.Join(head, "\r\n") + "\r\n\r\n" + body)
	if !strings.Contains(request, fmt.Sprintf("\r\nContent-Length: %d\r\n", len(c.translate(body)))) && body != "" {
		c.t.Fatalf("%s: a body of %d bytes without that Content-Length", c.where, len(c.translate(body)))
	}
	c.write([]byte(request))
}

func (c *transcript) write(b []byte) {
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatal(err)
	}
}

// receive reads as many lines as the server says in the document.
func (c *transcript) receive(group []string) {
	if strings.HasPrefix(group[0], "HTTP/1.1 ") {
		answer, err := http.ReadResponse(c.in, nil)
		if err != nil {
			c.t.Fatalf("%s: %v", c.where, err)
		}
		c.socket = answer.StatusCode == http.StatusSwitchingProtocols
		c.body = bufio.NewReader(answer.Body)
		end := slices.Index(group, "")
		if end < 0 {
			end = len(group)
		}
		c.compare(group[:end], headOf(answer))
		if group = group[end:]; len(group) > 0 {
			c.say('<', "")
			group = group[1:]
		}
		if answer.ContentLength >= 0 && !c.socket {
			body, err := io.ReadAll(c.body)
			if err != nil {
				c.t.Fatal(err)
			}
			c.compare(group, strings.Split(strings.TrimSuffix(string(body), "\n"), "\n"))
			return
		}
	}
	for _, want := range group {
		c.compare([]string{want}, []string{c.line()})
	}
}

// line returns the next line of a stream, or the next frame.
func (c *transcript) line() string {
	if c.socket {
		return serverFrame(c.t, c.in)
	}
	line, err := c.body.ReadString('\n')
	if err != nil {
		c.t.Fatalf("%s: %v", c.where, err)
	}
	return strings.TrimSuffix(line, "\n")
}

// headOf writes the head of an answer: its headers in the order of their names, without
// its date, and without the id of a request that had none.
func headOf(answer *http.Response) []string {
	lines := []string{answer.Proto + " " + answer.Status}
	for name, values := range answer.Header {
		for _, value := range values {
			if name != "Date" && !(name == "X-Request-Id" && changing.MatchString(value)) {
				lines = append(lines, spelling.Replace(name)+": "+value)
			}
		}
	}
	for _, coding := range answer.TransferEncoding {
		lines = append(lines, "Transfer-Encoding: "+coding)
	}
	slices.Sort(lines[1:])
	return lines
}

// spelling restores names that net/http writes in its own way.
var spelling = strings.NewReplacer("Sec-Websocket-", "Sec-WebSocket-", "Www-", "WWW-")

func (c *transcript) compare(want, got []string) {
	for _, line := range got {
		c.say('<', line)
	}
	for i := range max(len(want), len(got)) {
		var w, g string
		if i < len(want) {
			w = want[i]
		}
		if i < len(got) {
			g = got[i]
		}
		if c.learn(w, g) {
			continue
		}
		if !*update {
			c.t.Fatalf("%s: the server says\n%s\nnot\n%s", c.where, g, w)
		}
		c.differs = true
	}
}

// changing matches what is another one each time: UUIDs, positions, times, random names,
// tokens.
var changing = regexp.MustCompile(`[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[A-Za-z0-9]{1,16}-[0-9]+-[0-9a-f]{8}|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z|\b[A-Z2-7]{26}\b|\beyJ[\w.-]+`)

// learn compares a documented line with one of this run.
func (c *transcript) learn(want, got string) bool {
	if changing.ReplaceAllString(want, "?") != changing.ReplaceAllString(got, "?") {
		return false
	}
	names, values := changing.FindAllString(want, -1), changing.FindAllString(got, -1)
	for i, name := range names {
		if offset(name) != offset(values[i]) {
			return false
		}
		if strings.HasSuffix(name, "Z") && strings.Contains(name, ":") {
			continue // two times may be one in another run
		}
		known, old := c.names[name], c.claims[values[i]]
		if known != "" && known != values[i] || old != "" && old != name {
			return false
		}
		c.names[name], c.claims[values[i]] = values[i], name
	}
	return true
}

// offset returns the number in a position, or "".
func offset(name string) string {
	if parts := strings.Split(name, "-"); len(parts) == 3 && len(parts[2]) == 8 {
		return parts[1]
	}
	return ""
}

func (c *transcript) translate(line string) string {
	return changing.ReplaceAllStringFunc(line, func(name string) string {
		if value := c.names[name]; value != "" {
			return value
		}
		return name
	})
}

// beside does what a backend does meanwhile.
func (c *transcript) beside(line string) {
	c.say('*', line)
	words := strings.SplitN(line, " ", 3)
	method, resource, body := http.MethodPost, "messages", ""
	switch words[0] {
	case "publish":
		body = words[2]
	case "stream":
		resource, body = "streams", words[2]
	case "purge":
		method = http.MethodDelete
	default:
		c.t.Fatalf("%s: a backend cannot %q", c.where, line)
	}
	request, err := http.NewRequest(method, "http://"+c.site.addr+"/v1/channels/"+words[1]+"/"+resource, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+apiKey)
	request.Header.Set("Content-Type", "application/json")
	if data, ok := strings.CutPrefix(body, "hex "); ok {
		request.Header.Set("Content-Type", "image/png")
		payload, err := hex.DecodeString(strings.ReplaceAll(data, " ", ""))
		if err != nil {
			c.t.Fatal(err)
		}
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(payload)), int64(len(payload))
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode/100 != 2 {
		c.t.Fatalf("%s: %s is answered %s", c.where, line, answer.Status)
	}
}

// clientFrame returns a line as a frame of a client, masked with zeros.
func clientFrame(t *testing.T, line string) []byte {
	op, payload := byte(1), []byte(line)
	if code, ok := strings.CutPrefix(line, "close "); ok {
		var n uint16
		fmt.Sscan(code, &n)
		op, payload = 8, binary.BigEndian.AppendUint16(nil, n)
	} else if text, ok := strings.CutPrefix(line, "binary "); ok {
		op, payload = 2, parseBinary(t, text)
	}
	frame := []byte{0x80 | op, 0x80 | byte(len(payload))}
	if len(payload) > 125 {
		frame = binary.BigEndian.AppendUint16([]byte{0x80 | op, 0x80 | 126}, uint16(len(payload)))
	}
	return append(append(frame, 0, 0, 0, 0), payload...)
}

func parseBinary(t *testing.T, text string) []byte {
	head, tail := strings.Index(text, "{"), strings.LastIndex(text, "}")+1
	if head < 0 || tail == 0 {
		t.Fatalf("a binary frame without JSON: %s", text)
	}
	length, err1 := hex.DecodeString(strings.ReplaceAll(text[:head], " ", ""))
	payload, err2 := hex.DecodeString(strings.ReplaceAll(text[tail:], " ", ""))
	if err1 != nil || err2 != nil {
		t.Fatalf("no hex: %s", text)
	}
	return append(append(length, text[head:tail]...), payload...)
}

// serverFrame reads a frame as a line. Pings are passed over.
func serverFrame(t *testing.T, in io.Reader) string {
	for {
		var head [2]byte
		if _, err := io.ReadFull(in, head[:]); err != nil {
			t.Fatal(err)
		}
		length := int(head[1])
		if length == 126 {
			var more [2]byte
			if _, err := io.ReadFull(in, more[:]); err != nil {
				t.Fatal(err)
			}
			length = int(binary.BigEndian.Uint16(more[:]))
		}
		payload := make([]byte, length)
		if _, err := io.ReadFull(in, payload); err != nil {
			t.Fatal(err)
		}
		switch head[0] {
		case 0x81:
			return string(payload)
		case 0x82:
			n := 4 + int(binary.BigEndian.Uint32(payload))
			return strings.TrimSpace(fmt.Sprintf("binary % x %s % x", payload[:4], payload[4:n], payload[n:]))
		case 0x88:
			return strings.TrimSpace(fmt.Sprintf("close %d %s", binary.BigEndian.Uint16(payload), payload[2:]))
		case 0x89:
		default:
			t.Fatalf("a frame that begins with %x", head)
		}
	}
}
