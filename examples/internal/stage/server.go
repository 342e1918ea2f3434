package stage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

const startLimit = 2 * time.Minute // for the build, and until it answers

// A server is a wsbridge that was started here; nil is one that ran already.
type server struct {
	process *exec.Cmd
	dir     string
}

// start makes sure that a wsbridge answers at base.
func start(ctx context.Context, base string) (*server, error) {
	if answers(ctx, base) {
		return nil, nil
	}
	u, err := url.Parse(base)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" || u.Port() == "" {
		return nil, fmt.Errorf("no wsbridge answers at %s; to have one started, say http://127.0.0.1:PORT", base)
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	dir, err := os.MkdirTemp("", "wsbridge-example")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	binary := filepath.Join(dir, "wsbridge")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/wsbridge/wsbridge/cmd/wsbridge")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		s.stop()
		return nil, fmt.Errorf("no wsbridge answers at %s, and it cannot be built: %w", base, err)
	}
	process := exec.Command(binary, "serve", "--dev", "--addr", u.Host, "--admin-addr", "off")
	process.Env = append(os.Environ(), "WSBRIDGE_DRAIN_DELAY=0s", "WSBRIDGE_DRAIN=1s")
	process.Stderr = os.Stderr
	if err := process.Start(); err != nil {
		s.stop()
		return nil, err
	}
	s.process = process
	for !answers(ctx, base) {
		select {
		case <-ctx.Done():
			s.stop()
			return nil, errors.New("wsbridge does not get ready; see above")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return s, nil
}

func answers(ctx context.Context, base string) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// stop ends the server, which drains first.
func (s *server) stop() {
	if s == nil {
		return
	}
	if s.process != nil {
		s.process.Process.Signal(syscall.SIGTERM)
		s.process.Wait()
	}
	os.RemoveAll(s.dir)
}
