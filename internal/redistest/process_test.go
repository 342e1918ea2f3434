package redistest

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// orphan is set in the environment of a test binary that is to leave a server behind.
const orphan = "WSBRIDGE_REDISTEST_ORPHAN"

// TestServersDieWithTheTest starts this test once more in a process of its own, which is
// killed while its server runs.
func TestServersDieWithTheTest(t *testing.T) {
	if os.Getenv(orphan) != "" {
		os.Stdout.WriteString(strconv.Itoa(Start(t).PID()) + "\n")
		select {}
	}
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestServersDieWithTheTest$")
	cmd.Env = append(os.Environ(), orphan+"=1", "TMPDIR="+t.TempDir())
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 32)
	n, err := out.Read(buf)
	cmd.Process.Kill()
	cmd.Wait()
	pid, _ := strconv.Atoi(strings.TrimSpace(string(buf[:n])))
	if err != nil || pid == 0 {
		t.Fatalf("the other process said %q, %v", buf[:n], err)
	}
	for end := time.Now().Add(settling); syscall.Kill(pid, 0) == nil && !zombie(pid); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("redis-server %d outlived its test", pid)
		}
	}
}

// zombie reports whether a process has ended and only waits for init to notice.
func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || strings.Contains(string(stat), ") Z ")
}
