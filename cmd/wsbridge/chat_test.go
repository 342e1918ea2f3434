package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/wsbridge/wsbridge/client/raw"
)

// A chatting process has somebody who types.
type chatting struct {
	*process
	keys *io.PipeWriter
	dir  string // where it saves
}

func (s *server) chatting(name string, args ...string) *chatting {
	s.t.Helper()
	in, keys := io.Pipe()
	c := &chatting{keys: keys, dir: filepath.Join(s.t.TempDir(), "saved")}
	c.process = begin(s.t, in, []string{"WSBRIDGE_URL=" + s.url}, append([]string{"chat", "--name=" + name, "--save=" + c.dir}, args...)...)
	s.t.Cleanup(func() { keys.Close() })
	c.says(&c.out, "/quit leaves")
	return c
}

func (c *chatting) types(line string) {
	c.t.Helper()
	if _, err := io.WriteString(c.keys, line+"\n"); err != nil {
		c.t.Fatal(err)
	}
}

func TestChat(t *testing.T) {
	dir := t.TempDir()
	image := append([]byte("\x89PNG\r\n\x1a\n"), bytes.Repeat([]byte("picture "), 1000)...)
	file := bytes.Repeat([]byte("0123456789abcdef"), 500_000) // 8 MB: two windows
	for name, content := range map[string][]byte{"a picture.png": image, "figures.csv": file} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, transport := range raw.Transports() {
		t.Run(transport.String(), func(t *testing.T) {
			t.Parallel()
			s := startServer(t, nil, "--dev")
			ann := s.chatting("ann")
			ann.types("is somebody here?")
			bob := s.chatting("bob", "--transport="+transport.String())
			bob.says(&bob.out, "ann: is somebody here?") // before bob came
			ann.says(&ann.out, "* bob joined")
			eventually(t, "both know of both", func() bool {
				ann.types("/who")
				bob.types("/who")
				return strings.Contains(ann.out.String(), "* here: ann, bob\n") && strings.Contains(bob.out.String(), "* here: ann, bob\n")
			})
			bob.types("it's me \x1b[31mred")
			ann.says(&ann.out, "bob: it's me [31mred\n")

			ann.types("/send " + filepath.Join(dir, "a picture.png"))
			bob.says(&bob.out, "ann sent an image: "+filepath.Join(bob.dir, "ann.png"))
			ann.types("/send " + filepath.Join(dir, "a picture.png"))
			bob.says(&bob.out, filepath.Join(bob.dir, "ann (2).png")) // nothing is overwritten
			ann.types("/send " + filepath.Join(dir, "figures.csv"))
			bob.says(&bob.out, `ann sends "figures.csv", 7.6 MiB`)
			bob.says(&bob.err, "saved "+filepath.Join(bob.dir, "figures.csv"))
			for name, want := range map[string][]byte{"ann.png": image, "ann (2).png": image, "figures.csv": file} {
				if got, err := os.ReadFile(filepath.Join(bob.dir, name)); err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(want), err)
				}
			}
			if saved, err := os.ReadDir(ann.dir); err != nil || len(saved) > 0 {
				t.Errorf("ann saved what she sent: %v, %v", saved, err)
			}

			bob.types("/quit")
			bob.keys.Close() // what copies to a process is waited for as well
			if status := bob.status(); status != 0 {
				t.Errorf("bob left with status %d\n%s", status, &bob.err)
			}
			ann.says(&ann.out, "* bob left")
			ann.cmd.Process.Signal(syscall.SIGINT)
			ann.keys.Close()
			if status := ann.status(); status != 0 {
				t.Errorf("ann left with status %d\n%s", status, &ann.err)
			}
			history := must(t, []string{"WSBRIDGE_URL=" + s.url}, "listen", "--cursor=chat@0", "--count=11")
			for event, want := range map[string]int{"join": 2, "here": 1, "said": 2, "image": 2, "file": 2, "leave": 2} {
				if got := strings.Count(history, `"event":"`+event+`"`); got != want {
					t.Errorf("%d messages %q, expected %d\n%s", got, event, want, history)
				}
			}
		})
	}
}

func TestChatSaysWhatCannotBe(t *testing.T) {
	s := startServer(t, nil, "--dev")
	ann := s.chatting("ann")
	for typed, told := range map[string]string{
		"/dance":               "/dance is no command; /help lists them",
		"/send /no/such/file":  "/no/such/file: no such file",
		"/send " + t.TempDir(): "is a folder: send files, or an archive of it",
	} {
		ann.types(typed)
		ann.says(&ann.err, told)
	}
	ann.types(" /dance") // with a space in front
	ann.says(&ann.out, "ann:  /dance")
	ann.keys.Close()
	if status := ann.status(); status != 0 {
		t.Errorf("status %d: %s", status, &ann.err)
	}
}
