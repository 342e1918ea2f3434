package websocket

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
)

// shapes tells the frames in wire: opcode, F for FIN, R for RSV1, and the length.
func shapes(t *testing.T, wire []byte, deflate bool) string {
	t.Helper()
	var all []string
	for len(wire) > 0 {
		h := headerSize(wire[1])
		n := int(wire[1] & 0x7f)
		if n == 126 {
			n = int(wire[2])<<8 | int(wire[3])
		} else if n == 127 {
			t.Fatal("a fragment above 64 KiB")
		}
		s := fmt.Sprint(wire[0] & 0xf)
		if wire[0]&bitFin != 0 {
			s += "F"
		}
		if wire[0]&bitRSV1 != 0 {
			s += "R"
		}
		if !deflate {
			s += fmt.Sprint(":", n)
		}
		all = append(all, s)
		wire = wire[h+n:]
	}
	return strings.Join(all, " ")
}

func TestMessageWriterFragments(t *testing.T) {
	const flush = -1
	for _, c := range []struct {
		writes []int
		want   string
	}{
		{nil, "1F:0"},
		{[]int{5}, "1F:5"},
		{[]int{4096}, "1F:4096"},
		{[]int{4000, 96}, "1F:4096"},
		{[]int{4000, 97}, "1:4000 0F:97"},
		{[]int{5000}, "1:5000 0F:0"},
		{[]int{10, 5000, 3}, "1:10 0:5000 0F:3"},
		{[]int{10, flush, flush, 3}, "1:10 0F:3"},
		{[]int{flush, 10, flush}, "1:10 0F:0"},
	} {
		nc := &scripted{}
		w, err := NewConn(nc, Config{}).Writer(OpText)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range c.writes {
			if n == flush {
				err = w.Flush()
			} else {
				_, err = w.Write(make([]byte, n))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := shapes(t, nc.wrote.Bytes(), false); got != c.want {
			t.Errorf("%v: %s, want %s", c.writes, got, c.want)
		}
	}
}

// TestMessageWriterCompresses: from the threshold on, or when the message is flushed or long before it is known how long it is;
// RSV1 stands on the first fragment only, and an empty flush makes no fragment.
func TestMessageWriterCompresses(t *testing.T) {
	options := &DeflateOptions{Threshold: 100}
	for _, c := range []struct {
		name  string
		write func(w *MessageWriter)
		want  string
	}{
		{"below", func(w *MessageWriter) { w.Write(make([]byte, 99)) }, "2F"},
		{"at", func(w *MessageWriter) { w.Write(make([]byte, 100)) }, "2FR"},
		{"flushed", func(w *MessageWriter) { w.Flush(); w.Write([]byte("a")); w.Flush(); w.Write([]byte("b")) }, "2R 0F"},
		{"long", func(w *MessageWriter) { w.Write(make([]byte, 5000)) }, "2FR"},
	} {
		t.Run(c.name, func(t *testing.T) {
			nc := &scripted{}
			w, err := NewConn(nc, Config{Deflate: deflateFor(t, options, options), Deflation: options}).Writer(OpBinary)
			if err != nil {
				t.Fatal(err)
			}
			c.write(w)
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			if got := shapes(t, nc.wrote.Bytes(), true); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

func TestMessageWriterAfterTheEnd(t *testing.T) {
	nc := &scripted{}
	c := NewConn(nc, Config{})
	w, _ := c.Writer(OpText)
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write([]byte("x")); err != errWriterClosed {
		t.Error(err)
	}
	if w.Flush() != errWriterClosed || w.Close() != errWriterClosed {
		t.Error("a closed writer goes on")
	}
	// The turn was given back once.
	if err := c.WriteMessage(OpText, nil); err != nil {
		t.Error(err)
	}
	w, _ = c.Writer(OpText)
	c.CloseNow()
	if _, err := w.Write(make([]byte, 10_000)); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if err := w.Close(); !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if bytes.Count(nc.wrote.Bytes(), []byte{0x81, 0}) != 2 {
		t.Errorf("%x", nc.wrote.Bytes())
	}
}
