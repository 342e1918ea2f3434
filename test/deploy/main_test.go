// Package deploy holds the files of deploy/, the Dockerfile and docker-compose.yml to what they
// promise: with the real HAProxy and nginx in front of real instances, and by the settings'
// own reader.
package deploy

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/test/deploy/balancer"
	"github.com/wsbridge/wsbridge/test/testserver"
)

func TestMain(m *testing.M) { testserver.Main(m) }

// each runs a test behind each load balancer.
func each(t *testing.T, test func(t *testing.T, kind balancer.Kind)) {
	for _, kind := range balancer.Kinds {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			test(t, kind)
		})
	}
}

// patience bounds every wait for something that has to happen.
const patience = 30 * time.Second

func patient(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// file returns a file of the repository.
func file(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// An answer is one to a request, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// code returns the code of a problem, or "" when the answer is none of wsbridge.
func (a answer) code() string {
	var problem struct{ Code string }
	if a.header.Get("Content-Type") == "application/problem+json" && json.Unmarshal([]byte(a.body), &problem) == nil {
		return problem.Code
	}
	return ""
}

// ask sends a request with headers (name and value in turns). A body that is empty makes it a
// GET.
func ask(t *testing.T, url, body string, headers ...string) answer {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(patient(t), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// metric returns the sum of all samples of a name.
func metric(t *testing.T, admin, name string) (sum float64) {
	t.Helper()
	a := ask(t, "http://"+admin+"/metrics", "")
	for s := bufio.NewScanner(strings.NewReader(a.body)); s.Scan(); {
		sample, value, _ := strings.Cut(s.Text(), " ")
		if bare, _, _ := strings.Cut(sample, "{"); bare == name {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			sum += v
		}
	}
	return sum
}
