package balancer

import (
	"bytes"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"
)

// nobody is the user that a balancer runs as when the tests run as root.
const nobody = 65534

// A process is a program that runs until its test is over.
type process struct {
	name  string
	log   output
	ended chan struct{} // closed when it has ended
	ok    bool          // it ended with status 0; good once it has ended
}

// launch starts a program. It is sent SIGTERM when the test is over, on which HAProxy and the
// master of nginx end at once and take their workers along.
func launch(t testing.TB, env []string, program string, args ...string) *process {
	t.Helper()
	p := &process{name: program, ended: make(chan struct{})}
	cmd := exec.Command(find(t, program), args...)
	cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, env...)
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	cmd.SysProcAttr = attributes()
	if os.Getuid() == 0 {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	started := make(chan error)
	go func() {
		// This thread must not end before the process (prctl(2), PR_SET_PDEATHSIG).
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.ok = cmd.Wait() == nil
			close(p.ended)
		}
	}()
	if err := <-started; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-p.ended:
		case <-time.After(patience):
			cmd.Process.Kill()
			t.Errorf("%s does not end", program)
		}
		if t.Failed() {
			t.Logf("%s said:\n%s", program, p.log.String())
		}
	})
	return p
}

// find looks also where Debian has servers, which is in the path of root alone.
func find(t testing.TB, program string) string {
	t.Helper()
	for _, name := range []string{program, "/usr/sbin/" + program, "/usr/local/sbin/" + program} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("%s is not installed; make setup installs it", program)
	return ""
}

// answers waits until connections are taken.
func (p *process) answers(t testing.TB, addr string) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		select {
		case <-p.ended:
			t.Fatalf("%s ended at once:\n%s", p.name, p.log.String())
		default:
		}
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return
		}
	}
	t.Fatalf("%s does not answer within %v:\n%s", p.name, patience, p.log.String())
}

// An output is written by a process and read by tests meanwhile.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}
