package seen

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/wsbridge/wsbridge/internal/problem"
)

// router answers in each of the ways that are told apart.
func router() http.Handler {
	r := chi.NewRouter()
	r.Get("/fine/{name}", func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(`{"code":"no"}`)) })
	r.Get("/silent", func(w http.ResponseWriter, r *http.Request) {})
	r.Get("/early", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
	})
	r.Get("/problem", func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, problem.New(problem.Forbidden, ""))
	})
	r.Get("/command", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusBadRequest)
		w.Write([]byte(`{"type":"error",`))
		w.Write([]byte(`"code":"bad_json"}`))
	})
	r.Get("/hijack", func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n\r\n")
		rw.Flush()
	})
	r.Get("/panic", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	return r
}

func TestRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "seen")
	t.Setenv(File, path)
	server := httptest.NewServer(Record(router()))
	var wg sync.WaitGroup
	for _, target := range []string{"/fine/a", "/fine/b", "/silent", "/early", "/problem", "/command", "/panic", "/nowhere"} {
		wg.Go(func() {
			if resp, err := http.Get(server.URL + target); err == nil {
				resp.Body.Close()
			}
		})
	}
	wg.Go(func() {
		if resp, err := http.Post(server.URL+"/fine/a", "", nil); err == nil {
			resp.Body.Close()
		}
	})
	wg.Go(func() {
		conn, err := net.Dial("tcp", strings.TrimPrefix(server.URL, "http://"))
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		conn.Write([]byte("GET /hijack HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n"))
		if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "101") {
			t.Errorf("%q, %v", line, err)
		}
	})
	wg.Wait()
	server.Close()

	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got, err := Read(f)
	if err != nil {
		t.Fatal(err)
	}
	// The handler of a taken-over connection is not awaited by Close.
	delete(got, Answer{"GET", "/hijack", 101, "-"})
	want := map[Answer]bool{
		{"GET", "/fine/{name}", 200, "-"}:     true,
		{"GET", "/silent", 200, "-"}:          true,
		{"GET", "/early", 202, "-"}:           true,
		{"GET", "/problem", 403, "forbidden"}: true,
		{"GET", "/command", 400, "bad_json"}:  true,
		{"*", "*", 404, "-"}:                  true,
		{"*", "*", 405, "-"}:                  true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestHijackedConnectionsAreNoted(t *testing.T) {
	for _, c := range []struct {
		upgrade bool
		want    Answer
	}{
		{true, Answer{"GET", "/v1/ws", 101, "-"}},
		{false, Answer{"GET", "/v1/poll", 200, "-"}}, // a poll that waits
	} {
		w := &writer{ResponseWriter: hijackable{httptest.NewRecorder()}, upgrade: c.upgrade}
		if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
			t.Fatal(err)
		}
		if got := w.answer(c.want.Method, c.want.Route); got != c.want {
			t.Errorf("%v, want %v", got, c.want)
		}
	}
}

type hijackable struct{ http.ResponseWriter }

func (hijackable) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

func TestRecordWithoutFile(t *testing.T) {
	t.Setenv(File, "")
	var called bool
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, called = w.(*httptest.ResponseRecorder) })
	Record(next).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if !called {
		t.Error("the handler was wrapped")
	}
}

func TestReadRefusesOtherTexts(t *testing.T) {
	if _, err := Read(strings.NewReader("GET / 200 -\nrubbish\n")); err == nil {
		t.Error("no error")
	}
}
