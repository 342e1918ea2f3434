package chaos

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/redistest"
)

const (
	apiKey   = "chaos-backend-0123456789abcdef0123456789"
	tokenKey = "chaos-clients-0123456789abcdef0123456789"
)

// settings keep every message for the length of a run: no gap may come from retention.
const settings = `
namespaces:
  chaos:
    retention: {count: 1000000, age: 1h, bytes: 1GiB}
`

// binDir is where binaries are built, when they are first asked for. TestMain sets it.
var binDir string

var (
	sound  = sync.OnceValues(func() (string, error) { return build("wsbridge") })
	flawed = sync.OnceValues(func() (string, error) { return build("wsbridge-flawed", "-tags", "flaws") })
)

func build(name string, args ...string) (string, error) {
	path := filepath.Join(binDir, name)
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, args...), "./cmd/wsbridge")...)
	cmd.Dir = filepath.Join("..", "..")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, out)
	}
	return path, nil
}

// An instance is a wsbridge at an address that it keeps over restarts.
type instance struct {
	t      testing.TB
	addr   string // HOST:PORT
	admin  string
	binary string
	env    []string
	proc   *process
}

// newInstance starts an instance with settings beside those of every run, and waits until it
// is ready.
func newInstance(t testing.TB, flaw string, env ...string) *instance {
	t.Helper()
	binary := sound
	if flaw != "" {
		binary = flawed
		env = append(env, "FLAW="+flaw)
	}
	i := &instance{
		t:     t,
		addr:  "127.0.0.1:" + strconv.Itoa(redistest.Port(t)),
		admin: "127.0.0.1:" + strconv.Itoa(redistest.Port(t)),
	}
	var err error
	if i.binary, err = binary(); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "wsbridge.yaml")
	if err := os.WriteFile(config, []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	i.env = append([]string{
		"WSBRIDGE_CONFIG=" + config,
		"WSBRIDGE_ADDR=" + i.addr, "WSBRIDGE_ADMIN_ADDR=" + i.admin,
		"WSBRIDGE_API_KEYS=" + apiKey, "WSBRIDGE_TOKEN_KEYS=" + tokenKey,
		"WSBRIDGE_DRAIN_DELAY=2s", "WSBRIDGE_DRAIN=2s",
	}, env...)
	i.start()
	return i
}

func (i *instance) url() string { return "http://" + i.addr }

// start starts the process and waits until it is ready.
func (i *instance) start() {
	i.t.Helper()
	i.proc = launch(i.t, "wsbridge-"+i.addr, i.env, i.binary, "serve")
	eventually(i.t, i.addr+" is ready", func() bool {
		if i.proc.ended() {
			i.t.Fatalf("%s ended at once:\n%s", i.addr, i.proc.tail())
		}
		return i.readiness() == "ok"
	})
}

// readiness returns what /readyz says: "ok", "degraded", the code of why not, or "" when
// nobody answers.
func (i *instance) readiness() string {
	status, text := get(i.url() + "/readyz")
	var said struct {
		Status any
		Code   string
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil || status == 0 {
		return ""
	}
	if status == http.StatusOK {
		return fmt.Sprint(said.Status)
	}
	return said.Code
}

// metric returns the sum of all samples of a name, or of a name with all its labels.
func (i *instance) metric(name string) (sum float64) {
	_, text := get("http://" + i.admin + "/metrics")
	for s := bufio.NewScanner(strings.NewReader(text)); s.Scan(); {
		sample, value, _ := strings.Cut(s.Text(), " ")
		if rest, ok := strings.CutPrefix(sample, name); ok && (rest == "" || rest[0] == '{') {
			v, _ := strconv.ParseFloat(value, 64)
			sum += v
		}
	}
	return sum
}

var impatient = http.Client{Timeout: 5 * time.Second}

// get returns status 0 when nobody answers.
func get(url string) (status int, body string) {
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		panic(err)
	}
	return do(req)
}

func do(req *http.Request) (status int, body string) {
	resp, err := impatient.Do(req)
	if err != nil {
		return 0, ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, ""
	}
	return resp.StatusCode, string(text)
}
