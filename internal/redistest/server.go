package redistest

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A Server is a redis-server process (or a sentinel), or what is left of it.
type Server struct {
	t        testing.TB
	dir      string // configuration, data and log
	port     int
	password string      // of the default user, for Do
	tls      *tls.Config // for Do; nil: plain TCP
	sentinel bool

	// Owned by the test's goroutine.
	proc   *process
	frozen bool
	node   string // its name in a cluster, once asked for
}

// Start starts a redis-server and waits until it answers. args are settings as on its
// command line, a word each ("--maxmemory", "1mb"), and beat ours: nothing is written to disk, a replica's
// copy begins without delay, and DEBUG is allowed.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	return start(t, func(s *Server) []string {
		return append([]string{"--port", strconv.Itoa(s.port)}, args...)
	})
}

// StartAOF starts a redis-server that keeps its data in an append-only file. It acknowledges
// a write before the disk has it (appendfsync everysec): a Kill loses what was acknowledged
// only while the disk is so slow that Redis holds back its writes, for up to two seconds.
// With "--appendfsync", "always" it loses nothing.
func StartAOF(t testing.TB, args ...string) *Server {
	t.Helper()
	return Start(t, append([]string{"--appendonly", "yes", "--appendfsync", "everysec"}, args...)...)
}

// start starts a server with the settings that it is asked for, once for each port tried.
func start(t testing.TB, settings func(*Server) []string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		t.Fatal("redistest: redis-server is not installed; make setup installs it")
	}
	s := &Server{t: t, dir: t.TempDir()}
	t.Cleanup(s.end)
	var err error
	for range 10 {
		s.port = Port(t)
		if err = s.configure(settings(s)); err != nil {
			break
		}
		if err = s.run(); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		t.Fatal("redistest: ", err)
	}
	return s
}

func (s *Server) end() {
	if s.proc != nil {
		s.proc.kill()
	}
	if s.t.Failed() {
		log := s.Log()
		if len(log) > 8<<10 {
			log = "…" + log[len(log)-8<<10:]
		}
		s.t.Logf("redis-server %s:\n%s", s.Addr(), log)
	}
}

// configure writes the configuration file. There is one so that CONFIG REWRITE works, by
// which Redis remembers over a restart that a replica was promoted.
func (s *Server) configure(settings []string) error {
	if i := slices.Index(settings, "--requirepass"); i >= 0 && i+1 < len(settings) {
		s.password = settings[i+1]
	}
	var conf strings.Builder
	for _, a := range settings {
		if name, ok := strings.CutPrefix(a, "--"); ok {
			conf.WriteString("\n" + name)
		} else {
			conf.WriteString(" " + strconv.Quote(a))
		}
	}
	return os.WriteFile(s.path("redis.conf"), []byte(`bind 127.0.0.1
dir "`+s.dir+`"
save ""
enable-debug-command yes
repl-diskless-sync-delay 0`+conf.String()+"\n"), 0o600)
}

func (s *Server) path(name string) string { return filepath.Join(s.dir, name) }

var errPortTaken = errors.New("the port is taken")

// run starts the process and waits until it answers.
func (s *Server) run() error {
	log, err := os.OpenFile(s.path("log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	before, _ := log.Stat()
	args := []string{s.path("redis.conf")}
	if s.sentinel {
		args = append(args, "--sentinel")
	}
	proc, err := launch(log, "redis-server", args...)
	if err != nil {
		return err
	}
	s.proc, s.frozen = proc, false
	end := time.Now().Add(settling)
	for !s.answers() {
		switch {
		case s.proc.ended():
			said := s.Log()[before.Size():]
			if strings.Contains(said, "Address already in use") {
				return errPortTaken
			}
			return fmt.Errorf("redis-server ended at once:\n%s", said)
		case time.Now().After(end):
			return fmt.Errorf("redis-server does not answer:\n%s", s.Log()[before.Size():])
		}
		time.Sleep(2 * time.Millisecond)
	}
	return nil
}

// answers reports whether the process has loaded its data and answers; another one on the
// same port does not count.
func (s *Server) answers() bool {
	info, err := s.TryDo("INFO", "server")
	if err != nil || !strings.Contains(info, fmt.Sprintf("process_id:%d\r\n", s.proc.pid)) {
		return false
	}
	_, err = s.TryDo("PING")
	return err == nil
}

// Addr returns HOST:PORT.
func (s *Server) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// PID returns the number of the process, of the last one if none runs.
func (s *Server) PID() int { return s.proc.pid }

// Log returns what the server and its predecessors at this address have logged.
func (s *Server) Log() string {
	b, _ := os.ReadFile(s.path("log"))
	return string(b)
}

// Freeze stops the process where it stands: the kernel takes connections and bytes for it,
// and nothing is answered until Thaw.
func (s *Server) Freeze() {
	s.t.Helper()
	if err := s.proc.stop(); err != nil {
		s.t.Fatalf("redistest: %s: freeze: %v", s.Addr(), err)
	}
	s.frozen = true
}

// Thaw lets a frozen process go on.
func (s *Server) Thaw() {
	s.t.Helper()
	if err := s.proc.resume(); err != nil {
		s.t.Fatalf("redistest: %s: thaw: %v", s.Addr(), err)
	}
	s.frozen = false
}

// Kill ends the process at once (SIGKILL), frozen or not, and waits for its end.
func (s *Server) Kill() { s.proc.kill() }

// Restart kills the process, if it runs, and starts another at the same address with the
// same files, and waits until it has loaded them and answers.
func (s *Server) Restart() {
	s.t.Helper()
	s.proc.kill()
	end := time.Now().Add(settling)
	err := s.run()
	for errors.Is(err, errPortTaken) && time.Now().Before(end) {
		time.Sleep(50 * time.Millisecond)
		err = s.run()
	}
	if err != nil {
		s.t.Fatalf("redistest: %s: restart: %v", s.Addr(), err)
	}
}

// RestartEmpty is Restart without the data. What it was told about its role, as replica or
// in a cluster, it still knows.
func (s *Server) RestartEmpty() {
	s.t.Helper()
	s.proc.kill()
	files, err := os.ReadDir(s.dir)
	if err != nil {
		s.t.Fatal("redistest: ", err)
	}
	for _, f := range files {
		if f.Name() == "log" || filepath.Ext(f.Name()) == ".conf" {
			continue
		}
		if err := os.RemoveAll(s.path(f.Name())); err != nil {
			s.t.Fatal("redistest: ", err)
		}
	}
	s.Restart()
}

// up reports whether the process can answer.
func (s *Server) up() bool { return !s.frozen && !s.proc.ended() }
