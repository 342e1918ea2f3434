// Package balancer runs the load balancers' configurations of deploy/ as they are shipped, as
// unprivileged processes on the loopback interface.
//
//	b := balancer.Start(t, balancer.HAProxy, []string{one.Addr, two.Addr})
//	answer, err := http.Get(b.URL("/readyz"))
//
// What is replaced in a configuration is what differs from machine to machine: the addresses of
// the instances and its own, and where nginx may write. Whatever else a test changes it names.
//
// A balancer is stopped with its test.
package balancer

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
)

// A Kind is one of the programs that deploy/ has a configuration for.
type Kind string

const (
	HAProxy Kind = "haproxy"
	Nginx   Kind = "nginx"
)

// Kinds are all of them.
var Kinds = []Kind{HAProxy, Nginx}

// A Balancer is a running load balancer.
type Balancer struct {
	Kind Kind
	Addr string // HOST:PORT

	proc   *process
	access string // file; empty: the access log is on standard output
}

// Start starts a load balancer in front of instances (HOST:PORT), waits until it answers, and
// stops it with the test. edits are further replacements in its configuration, old and new in
// turns; what is to be replaced has to be there.
func Start(t testing.TB, kind Kind, instances []string, edits ...string) *Balancer {
	t.Helper()
	b := &Balancer{Kind: kind, Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(redistest.Port(t)))}
	dir := workDir(t)
	path := b.configure(t, dir, instances, edits)
	if kind == Nginx {
		b.access = filepath.Join(dir, "wsbridge.log")
	}
	b.proc = b.launch(t, dir, path, false)
	b.proc.answers(t, b.Addr)
	return b
}

// StartUnchanged starts HAProxy with the very file that is shipped, whose addresses are variables
// (NAME=VALUE), except for LISTEN.
func StartUnchanged(t testing.TB, variables ...string) *Balancer {
	t.Helper()
	b := &Balancer{Kind: HAProxy, Addr: net.JoinHostPort("127.0.0.1", strconv.Itoa(redistest.Port(t)))}
	b.proc = launch(t, append(variables, "LISTEN="+b.Addr), "haproxy", "-db", "-f", filepath.Join("..", "..", "deploy", "haproxy", "haproxy.cfg"))
	b.proc.answers(t, b.Addr)
	return b
}

// URL returns the address of a path.
func (b *Balancer) URL(path string) string { return "http://" + b.Addr + path }

// Log returns all that the balancer has written, the access log included.
func (b *Balancer) Log() string {
	text := b.proc.log.String()
	if b.access != "" {
		lines, _ := os.ReadFile(b.access)
		errors, _ := os.ReadFile(filepath.Join(filepath.Dir(b.access), "error.log"))
		text += string(lines) + string(errors)
	}
	return text
}

// Check has the program itself check its configuration, and fails on what it warns of. It
// returns what the program said.
func Check(t testing.TB, kind Kind) string {
	t.Helper()
	b := &Balancer{Kind: kind, Addr: "127.0.0.1:8080"}
	dir := workDir(t)
	path := b.configure(t, dir, []string{first, second}, nil)
	p := b.launch(t, dir, path, true)
	<-p.ended
	if said := p.log.String(); !p.ok || strings.Contains(said, "[warn]") {
		t.Errorf("%s refuses its configuration:\n%s", kind, said)
	}
	return p.log.String()
}

func (b *Balancer) launch(t testing.TB, dir, config string, check bool) *process {
	t.Helper()
	var args []string
	switch b.Kind {
	case HAProxy:
		args = []string{"-db", "-f", config}
		if check {
			args = append(args, "-dW", "-c")
		}
	case Nginx:
		args = []string{"-p", dir, "-c", config, "-e", filepath.Join(dir, "early.log"),
			"-g", "daemon off; pid " + filepath.Join(dir, "pid") + ";"}
		if check {
			args = append(args, "-t")
		}
	}
	return launch(t, nil, string(b.Kind), args...)
}

// Read returns a file of a shipped configuration, for a package two folders below the root of
// the repository.
func Read(t testing.TB, kind Kind, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", string(kind), name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// configure writes the configuration and returns its path.
func (b *Balancer) configure(t testing.TB, dir string, instances []string, edits []string) string {
	t.Helper()
	replace := func(text string, pairs ...string) string {
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(text, pairs[i]) {
				t.Fatalf("%s: the configuration has no %q to replace", b.Kind, pairs[i])
			}
			text = strings.ReplaceAll(text, pairs[i], pairs[i+1])
		}
		return text
	}
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	switch b.Kind {
	case HAProxy:
		text := replace(servers(t, Read(t, HAProxy, "haproxy.cfg"), instances), `"${LISTEN-:8080}"`, b.Addr)
		return write("haproxy.cfg", replace(text, edits...))
	case Nginx:
		text := replace(servers(t, Read(t, Nginx, "wsbridge.conf"), instances), "listen 8080;", "listen "+b.Addr+";", "/var/log/nginx", dir)
		write("wsbridge.conf", replace(text, edits...))
		return write("nginx.conf", replace(Read(t, Nginx, "nginx.conf"), "/var/log/nginx", dir, "http {\n", "http {\n"+temporary(dir)))
	}
	t.Fatalf("there is no configuration for %q", b.Kind)
	return ""
}

// The instances of the shipped configurations, one a line.
const first, second = "10.0.0.11:8080", "10.0.0.12:8080"

// servers makes as many of the lines of the first instance as there are instances. HAProxy has
// their addresses in variables and gives each a name.
func servers(t testing.TB, text string, instances []string) string {
	t.Helper()
	var b strings.Builder
	found := 0
	for line := range strings.Lines(text) {
		switch {
		case strings.Contains(line, first):
			found++
			for i, addr := range instances {
				l := strings.Replace(line, `"${INSTANCE_A-`+first+`}"`, addr, 1)
				l = strings.Replace(l, first, addr, 1)
				b.WriteString(strings.Replace(l, "server a ", fmt.Sprintf("server s%d ", i), 1))
			}
		case strings.Contains(line, second):
		default:
			b.WriteString(line)
		}
	}
	if found == 0 {
		t.Fatalf("the configuration has no %s", first)
	}
	return b.String()
}

// temporary names folders that an unprivileged nginx may make; it makes them all, used or not.
func temporary(dir string) string {
	var b strings.Builder
	for _, module := range []string{"client_body", "proxy", "fastcgi", "uwsgi", "scgi"} {
		fmt.Fprintf(&b, "    %s_temp_path %s;\n", module, filepath.Join(dir, module))
	}
	return b.String()
}

// workDir returns a folder that the balancer's user owns. That of a test is closed to others.
func workDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "wsbridge-balancer-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if os.Getuid() == 0 {
		if err := os.Chown(dir, nobody, nobody); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// patience bounds every wait for something that has to happen.
const patience = 30 * time.Second
