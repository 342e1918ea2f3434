package metrics

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func TestTableIsWhatIsServed(t *testing.T) {
	m := New("1.2.3")
	m.Watch(Sources{})
	m.request("/v1/poll", "GET", 200)

	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	served := make(map[string]Metric)
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "wsbridge_") {
			continue
		}
		got := Metric{Name: f.GetName(), Type: strings.ToLower(f.GetType().String()), Help: f.GetHelp()}
		for _, l := range f.GetMetric()[0].GetLabel() {
			got.Labels = append(got.Labels, l.GetName())
		}
		served[got.Name] = got
	}
	listed := make(map[string]Metric)
	for _, want := range All() {
		want.Labels = slices.Sorted(slices.Values(want.Labels))
		listed[want.Name] = want
	}
	if diff := cmp.Diff(listed, served); diff != "" {
		t.Errorf("listed (-) and served (+) differ:\n%s", diff)
	}
	if len(listed) != len(All()) {
		t.Error("a name is listed twice")
	}
	beside := make(map[string]bool)
	for _, f := range families {
		beside[f.GetName()] = true
	}
	if !beside["go_goroutines"] || !beside["process_open_fds"] {
		t.Error("the runtime and the process are not told of")
	}
}

func TestNamesFollowConventions(t *testing.T) {
	m := New("1.2.3")
	m.Watch(Sources{})
	m.request("/v1/poll", "GET", 200)
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	own := families[:0]
	for _, f := range families {
		if strings.HasPrefix(f.GetName(), "wsbridge_") {
			own = append(own, f)
		}
	}
	problems, err := promlint.NewWithMetricFamilies(own).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestNoLabelIsChosenByClients(t *testing.T) {
	allowed := map[string]bool{
		"version": true, "goversion": true, "transport": true, "code": true, "result": true, "reason": true,
		"route": true, "method": true, "limit": true,
	}
	used := make(map[string]bool)
	for _, m := range All() {
		for _, l := range m.Labels {
			used[l] = true
		}
	}
	if !maps.Equal(used, allowed) {
		t.Errorf("labels are %v, expected %v", used, allowed)
	}
}
