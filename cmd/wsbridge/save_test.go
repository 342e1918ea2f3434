package main

import (
	"bytes"
	"crypto/sha256"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSafeName(t *testing.T) {
	for name, want := range map[string]string{
		"notes.txt":                          "notes.txt",
		"Übersicht 2026.pdf":                 "Übersicht 2026.pdf",
		"../../etc/passwd":                   "_.._etc_passwd",
		`..\..\windows\system.ini`:           "_.._windows_system.ini",
		"/etc/passwd":                        "_etc_passwd",
		".bashrc":                            "bashrc",
		"..":                                 "",
		"":                                   "",
		" . ":                                "",
		"a\x00b\nc":                          "a_b_c",
		"a\u202etxt.exe":                     "a_txt.exe", // turns the direction of what follows
		"CON":                                "_CON",
		"con.txt":                            "_con.txt",
		"lpt1.x":                             "_lpt1.x",
		"console.log":                        "console.log",
		"C:evil":                             "C_evil",
		strings.Repeat("ä", 150) + ".tar.gz": strings.Repeat("ä", 98) + ".gz",
	} {
		got := safeName(name)
		if strings.HasPrefix(want, "ä") {
			if len(got) > maxSafeName || !strings.HasSuffix(got, ".gz") || !strings.HasPrefix(got, "ä") {
				t.Errorf("%q becomes %q", name, got)
			}
			continue
		}
		if got != want {
			t.Errorf("%q becomes %q, expected %q", name, got, want)
		}
	}
}

func TestStreamsFromAndToFiles(t *testing.T) {
	s := startServer(t, nil, "--dev")
	env := []string{"WSBRIDGE_URL=" + s.url}
	dir := t.TempDir()
	data := bytes.Repeat([]byte("0123456789abcdef"), 200_000) // 3.2 MB
	source, folder := filepath.Join(dir, "figures.csv"), filepath.Join(dir, "in", "here")
	if err := os.WriteFile(source, data, 0o600); err != nil {
		t.Fatal(err)
	}
	listener := s.listening("--save="+folder, "--count=4", "files")
	receipt := must(t, env, "publish", "files", "--stream="+source)
	if !strings.Contains(receipt, `"size":3200000}`) {
		t.Errorf("the receipt: %s", receipt)
	}
	must(t, env, "publish", "files", "--stream="+source, "--name=../figures.csv", "--event=again")
	if status := listener.status(); status != 0 {
		t.Errorf("status %d: %s", status, &listener.err)
	}
	for _, name := range []string{"figures.csv", "_figures.csv"} {
		got, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || sha256.Sum256(got) != sha256.Sum256(data) {
			t.Errorf("%s: %d bytes, %v\n%s", name, len(got), err, &listener.err)
		}
	}
	if out := listener.out.String(); !strings.Contains(out, `"name":"figures.csv","type":"text/csv; charset=utf-8","size":3200000}`) || !strings.Contains(out, `"state":"complete"`) {
		t.Errorf("it printed\n%s", out)
	}
	left, err := os.ReadDir(folder)
	if err != nil || len(left) != 2 {
		t.Errorf("in the folder are %v, %v", left, err)
	}
}

func TestStreamFromStandardInput(t *testing.T) {
	s := startServer(t, nil, "--dev")
	folder := t.TempDir()
	listener := s.listening("--save="+folder, "--count=4", "files")
	for range 2 {
		p := begin(t, strings.NewReader("said by a program"), []string{"WSBRIDGE_URL=" + s.url}, "publish", "files", "--stream=-", "--name=said.txt", "--content-type=text/plain")
		if status := p.status(); status != 0 {
			t.Fatalf("status %d: %s", status, &p.err)
		}
	}
	if status := listener.status(); status != 0 {
		t.Errorf("status %d: %s", status, &listener.err)
	}
	for _, name := range []string{"said.txt", "said (2).txt"} {
		if got, err := os.ReadFile(filepath.Join(folder, name)); err != nil || string(got) != "said by a program" {
			t.Errorf("%s: %q, %v\n%s", name, got, err, &listener.err)
		}
	}
	status, _, err := command(t, []string{"WSBRIDGE_URL=" + s.url}, "publish", "files", "data", "--stream=-")
	if status != statusFailed || !strings.Contains(err, "either data or --stream") {
		t.Errorf("data and a stream: status %d: %s", status, err)
	}
}
