package websocket

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"time"
)

// deflateVolume is about how many bytes a case sends when not -rfc6455.full.
const deflateVolume = 64 << 10

// rfcDeflate: compressed messages. Group 12 varies the data, group 13 the parameters.
func rfcDeflate(r *rfcRun) {
	sizes := []struct{ message, fragment int }{
		{16, 0}, {64, 0}, {256, 0}, {1024, 0}, {4096, 0}, {8192, 0}, {16384, 0}, {32768, 0}, {65536, 0}, {131072, 0},
		{8192, 256}, {16384, 256}, {32768, 256}, {65536, 256}, {131072, 256}, {131072, 1024}, {131072, 4096}, {131072, 32768},
	}
	group := func(name, offer, want string, data corpus) {
		for i, size := range sizes {
			r.playWith(fmt.Sprintf("%s.%d", name, i+1), offer, func(p *peer) {
				if got := p.header.Get("Sec-WebSocket-Extensions"); got != want {
					p.t.Fatalf("offered %q, got %q, want %q", offer, got, want)
				}
				data.echo(p, want, size.message, size.fragment)
			})
		}
	}
	// The offer of a client that can do everything and asks for nothing: the server takes it at its word that it needs no
	// window of its own.
	const offer, answer = "permessage-deflate; client_no_context_takeover; client_max_window_bits", "permessage-deflate; client_no_context_takeover"
	const takeover = "permessage-deflate; client_max_window_bits"
	for i, data := range corpora() {
		group(fmt.Sprintf("12.%d", i+1), offer, answer, data)
	}
	json := corpora()[0]
	const noTakeover, bits9, bits15 = "; server_no_context_takeover", "; server_max_window_bits=9", "; server_max_window_bits=15"
	const both = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
	group("13.1", takeover, "permessage-deflate", json)
	group("13.2", offer+noTakeover, both, json)
	group("13.3", offer+bits9, answer+bits9, json)
	group("13.4", offer+bits15, answer, json)
	group("13.5", offer+noTakeover+bits9, both+bits9, json)
	group("13.6", offer+noTakeover+bits15, both, json)
	group("13.7", offer+noTakeover+bits9+", "+offer+noTakeover+", "+offer, both+bits9, json)
}

// echo sends messages of the data and wants each back. The peer compresses and inflates with the standard library; where a
// window was agreed on, it inflates with naiveInflate, which has no more than that window.
func (d corpus) echo(p *peer, agreed string, size, fragment int) {
	window, history := 1<<15, []byte(nil)
	if strings.Contains(agreed, "server_max_window_bits=9") {
		window = 1 << 9
	}
	serverTakeover := !strings.Contains(agreed, "server_no_context_takeover")
	clientTakeover := !strings.Contains(agreed, "client_no_context_takeover")
	p.inflate = func(z []byte) []byte {
		z = append(z, 0, 0, 0xff, 0xff)
		var out []byte
		var err error
		if window < 1<<15 {
			out, err = naiveInflate(z, history, window)
		} else {
			final := []byte{1, 0, 0, 0xff, 0xff}
			out, err = io.ReadAll(flate.NewReaderDict(bytes.NewReader(append(z, final...)), history))
		}
		if err != nil {
			p.t.Fatal(err)
		}
		if serverTakeover {
			history = append(history, out...)
			history = history[max(0, len(history)-window):]
		}
		return out
	}
	count := max(2, min(100, deflateVolume/size))
	if *rfcFull {
		count = 1000
	}
	op, name := 2, "binary:"
	if d.text {
		op, name = 1, "text:"
	}
	if fragment == 0 {
		fragment = 1 << 30
	}
	var z bytes.Buffer
	w, _ := flate.NewWriter(&z, flate.BestSpeed)
	const rsv1 = 4
	for i := range count {
		p.conn.SetDeadline(time.Now().Add(patience))
		payload := d.slice(i*size, size)
		z.Reset()
		if !clientTakeover {
			w.Reset(&z)
		}
		w.Write([]byte(payload))
		w.Flush()
		compressed := strings.TrimSuffix(z.String(), "\x00\x00\xff\xff")
		p.send(fragmented(op, rsv1, compressed, fragment))
		p.want(name + payload)
	}
	p.close()
}

// corpus is a kind of data, of which messages are slices: of characters for text, else of bytes.
type corpus struct {
	text  bool
	runes []rune
	bytes []byte
}

func newCorpus(text bool, data string) corpus {
	if text {
		return corpus{text: true, runes: []rune(data)}
	}
	return corpus{bytes: []byte(data)}
}

// slice returns n characters or bytes from the given one on, beginning anew at the end.
func (d corpus) slice(from, n int) string {
	if d.text {
		return string(cycle(d.runes, from, n))
	}
	return string(cycle(d.bytes, from, n))
}

func cycle[T any](data []T, from, n int) []T {
	out := make([]T, 0, n)
	for len(out) < n {
		from %= len(data)
		part := data[from:min(len(data), from+n-len(out))]
		out = append(out, part...)
		from += len(part)
	}
	return out
}

// corpora are made up in the likeness of the five files of the TestSuite: JSON, a bitmap, German verse, HTML, and a file that
// is compressed already.
func corpora() []corpus {
	random := rand.New(rand.NewPCG(6455, 7692))
	words := strings.Fields("Habe nun ach die Hölle überall gesehen und größer als der Tag ein Wort für jeden Fürsten das Äußere müßig dämmert")
	word := func() string { return words[random.IntN(len(words))] }
	const size = 200_000

	var json, verse, html strings.Builder
	for i := 0; json.Len() < size; i++ {
		fmt.Fprintf(&json, `{"id":%d,"name":"%s %s","price":%.2f,"tags":["%s","%s"],"on":%t},`+"\n", i, word(), word(), random.Float64()*1000, word(), word(), i%3 == 0)
	}
	for verse.Len() < size {
		fmt.Fprintf(&verse, "%s, %s %s %s;\r\n", word(), word(), word(), word())
	}
	for i := 0; html.Len() < size; i++ {
		fmt.Fprintf(&html, "<tr class=\"row%d\"><td>%s</td><td><a href=\"/%x\">%s</a></td></tr>\n", i%2, word(), random.Uint32(), word())
	}
	var bitmap, packed strings.Builder
	for i := range size {
		bitmap.WriteByte(byte(i%512/4 + i/4096 + random.IntN(3)))
		packed.WriteByte(byte(random.Uint32()))
		if i%4000 < 40 {
			packed.WriteString("endobj\n")
		}
	}
	return []corpus{
		newCorpus(true, json.String()),
		newCorpus(false, bitmap.String()),
		newCorpus(false, verse.String()),
		newCorpus(true, html.String()),
		newCorpus(false, packed.String()),
	}
}
