package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/wsbridge/wsbridge/internal/auth"
	"github.com/wsbridge/wsbridge/internal/config"
	"github.com/wsbridge/wsbridge/internal/load"
	"github.com/wsbridge/wsbridge/internal/metrics"
)

const operating = "docs/operations.md"

// TestSettings and TestMetrics hold tables that -update writes.

func TestSettings(t *testing.T) {
	var rows [][]string
	for _, s := range config.Settings() {
		name, value, def := "`"+s.Env()+"`", "`"+s.Placeholder+"`", ""
		if s.Secret {
			name += " *"
		}
		if s.Default != "" {
			def = "`" + s.Default + "`"
		}
		if s.DevDefault != "" {
			def += ", with `--dev` `" + s.DevDefault + "`"
		}
		help := strings.ReplaceAll(s.Help, "*", `\*`) // or it would emphasise
		rows = append(rows, []string{name, value, def, help})
	}
	generated(t, operating, "settings", []string{"variable", "value", "default", "what it is for"}, rows)
}

func TestMetrics(t *testing.T) {
	var rows [][]string
	for _, m := range metrics.All() {
		var labels []string
		for _, l := range m.Labels {
			labels = append(labels, "`"+l+"`")
		}
		rows = append(rows, []string{"`" + m.Name + "`", m.Type, strings.Join(labels, ", "), m.Help})
	}
	generated(t, operating, "metrics", []string{"metric", "type", "labels", "what it tells"}, rows)
}

// generated compares a table between two marks with what it has to be, or writes it.
func generated(t *testing.T, name, table string, head []string, rows [][]string) {
	t.Helper()
	d := read(t, name)
	var b strings.Builder
	line := func(cells []string) {
		for i := range cells {
			cells[i] = strings.ReplaceAll(cells[i], "|", `\|`)
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	line(head)
	line(strings.Fields(strings.Repeat("--- ", len(head))))
	for _, row := range rows {
		line(row)
	}
	mark := "<!-- table: " + table + " -->\n"
	before, rest, found := strings.Cut(d.text, mark)
	is, after, ended := strings.Cut(rest, "<!-- end -->\n")
	if !found || !ended {
		t.Fatalf("%s has no table %s", name, table)
	}
	if is == b.String() {
		return
	}
	if !*update {
		t.Fatalf("%s: the table of %s is not what the code says; run go test ./internal/docs -update", name, table)
	}
	if err := os.WriteFile(filepath.Join(top, name), []byte(before+mark+b.String()+"<!-- end -->\n"+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestConfigurationFiles(t *testing.T) {
	found := 0
	for _, f := range read(t, operating).fences() {
		if f.tag != "yaml" || !strings.Contains(f.code, "namespaces:") {
			continue
		}
		found++
		cfg, err := config.Load(config.Sources{
			Flags: map[string]string{"config": "wsbridge.yaml"},
			ReadFile: func(name string, _ int64) ([]byte, error) {
				if name == "wsbridge.yaml" {
					return []byte(f.code), nil
				}
				return []byte(strings.Repeat("k", 32)), nil
			},
		})
		if err == nil {
			err = cfg.Validate()
		}
		if err != nil {
			t.Fatalf("%s:%d: %v", operating, f.line, err)
		}
		if r := cfg.Retention("orders:42"); r.Count != 1000 || r.Age != time.Hour {
			t.Errorf("orders keeps %+v", r)
		}
		if !cfg.Retention("ticker:x").Off() || cfg.Anonymous("news") != auth.Subscribe|auth.History {
			t.Error("the namespaces are not what the example says")
		}
	}
	if found == 0 {
		t.Error("no example of a file")
	}
}

func TestCommandLine(t *testing.T) {
	var documented []string
	for _, row := range read(t, operating).table("## Commands") {
		documented = append(documented, strings.TrimPrefix(plain(row[0]), "wsbridge "))
	}
	both(t, "command", slices.Concat(subcommands(t, "main.go", ""), subcommands(t, "config.go", "config "), subcommands(t, "bench.go", "bench ")), documented)
}

// words finds where the words of a name meet, LongPoll.
var words = regexp.MustCompile("([a-z])([A-Z])")

// subcommands returns what a file of the command line declares, but for config and bench
// themselves, which only have others below them.
func subcommands(t *testing.T, file, parent string) (names []string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join(top, "cmd/wsbridge", file))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)^\t(\\w+) +\\w+Command +`cmd:").FindAllStringSubmatch(string(source), -1) {
		if m[1] != "Config" && m[1] != "Bench" {
			names = append(names, parent+strings.ToLower(words.ReplaceAllString(m[1], "$1-$2")))
		}
	}
	return names
}

// TestBench holds what is said of wsbridge bench against its bounds and defaults.
func TestBench(t *testing.T) {
	text := strings.Join(strings.Fields(read(t, operating).text), " ")
	for _, says := range []string{
		fmt.Sprintf("Bounds: %d,000 clients, %d,000 publications a second, %d,000 under way, one hour.",
			load.MaxClients/1000, load.MaxRate/1000, load.MaxWindow/1000),
		fmt.Sprintf("# %d,000 clients, %v messages a second, for %.0f s",
			load.DefaultClients/1000, load.Fanout.Rate, load.DefaultDuration.Seconds()),
		fmt.Sprintf("`--patience` (%.0f s)", load.DefaultPatience.Seconds()),
		fmt.Sprintf("`--connecting` (%d)", load.DefaultConnecting),
	} {
		if !strings.Contains(text, says) {
			t.Errorf("%s does not say %q", operating, says)
		}
	}
	if load.MaxDuration != time.Hour {
		t.Errorf("the bound of a run is %v", load.MaxDuration)
	}
}

// TestRedisUser holds the rights that operators are told to give against those that the tests
// of the broker do with, which the documentation of its options lists.
func TestRedisUser(t *testing.T) {
	source, err := os.ReadFile(filepath.Join(top, "pubsub/redisbroker/options.go"))
	if err != nil {
		t.Fatal(err)
	}
	var needed, documented []string
	for _, line := range regexp.MustCompile(`(?m)^//\t(.*)$`).FindAllStringSubmatch(string(source), -1) {
		needed = append(needed, strings.Fields(line[1])...)
	}
	for _, f := range read(t, operating).fences() {
		if rights, ok := strings.CutPrefix(f.code, "user wsbridge on >PASSWORD\n"); ok {
			documented = append(documented, strings.Fields(rights)...)
		}
	}
	both(t, "right of a Redis user", needed, documented)
}

// logged matches a call that logs, up to its message.
var logged = regexp.MustCompile(`(?:[lL]og(?:ger)?\.(?:Debug|Info|Warn|Error)\(|LogAttrs\([^"\n]*|complain\()("(?:[^"\\]|\\.)*")`)

func TestLogMessages(t *testing.T) {
	seen := make(map[string]bool)
	var messages, documented []string
	for _, dir := range []string{"cmd", "api", "transport", "bridge", "pubsub", "internal"} {
		err := filepath.WalkDir(filepath.Join(top, dir), func(name string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
				return err
			}
			source, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			for _, m := range logged.FindAllStringSubmatch(string(source), -1) {
				var message string
				if _, err := fmt.Sscanf(m[1], "%q", &message); err != nil {
					return err
				}
				if !seen[message] {
					messages = append(messages, message)
				}
				seen[message] = true
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, row := range read(t, operating).table("## Logs") {
		documented = append(documented, plain(row[0]))
	}
	both(t, "message in the log", messages, documented)
}

// TestVariablesExist looks for names of variables in all documents, so that none outlives
// its setting.
func TestVariablesExist(t *testing.T) {
	known := map[string]bool{
		"WSBRIDGE_": true, "WSBRIDGE_URL": true, "WSBRIDGE_API_KEY": true, "WSBRIDGE_TOKEN": true,
	}
	for _, s := range config.Settings() {
		known[s.Env()] = true
		if s.Secret {
			known[s.Env()+"_FILE"] = true
		}
	}
	variable := regexp.MustCompile(`\bWSBRIDGE_[A-Z_]*`)
	metric := regexp.MustCompile(`\bwsbridge_[a-z_]+`)
	names := make(map[string]bool)
	for _, m := range metrics.All() {
		names[m.Name] = true
		if m.Type == metrics.Histogram {
			names[m.Name+"_bucket"] = true
		}
	}
	for _, name := range documents(t) {
		text := read(t, name).text
		for _, v := range variable.FindAllString(text, -1) {
			if !known[v] {
				t.Errorf("%s names %s, which is no setting", name, v)
			}
		}
		for _, m := range metric.FindAllString(text, -1) {
			if !names[m] {
				t.Errorf("%s names %s, which is no metric", name, m)
			}
		}
	}
}
