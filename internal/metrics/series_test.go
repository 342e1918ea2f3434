package metrics

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
)

// series returns the samples of one metric as a scraper reads them, by their labels.
func series(t *testing.T, m *Metrics, name string) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	text, err := io.ReadAll(w.Result().Body)
	if err != nil || w.Code != 200 {
		t.Fatalf("scrape: %d, %v", w.Code, err)
	}
	found := make(map[string]string)
	for line := range strings.Lines(string(text)) {
		sample, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if labels, ok := strings.CutPrefix(sample, name); ok && (labels == "" || labels[0] == '{') {
			found[labels] = value
		}
	}
	return found
}

// counts fails unless the series of a metric that are not 0 are those expected.
func counts(t *testing.T, m *Metrics, name string, want map[string]string) {
	t.Helper()
	got := series(t, m, name)
	for labels, value := range got {
		if value != "0" && want[labels] != value {
			t.Errorf("%s%s is %s, expected %q", name, labels, value, want[labels])
		}
	}
	for labels, value := range want {
		if got[labels] != value {
			t.Errorf("%s%s is %q, expected %s", name, labels, got[labels], value)
		}
	}
}

func labels(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		fmt.Fprintf(&b, `,%s=%q`, pairs[i], pairs[i+1])
	}
	return "{" + b.String()[1:] + "}"
}
