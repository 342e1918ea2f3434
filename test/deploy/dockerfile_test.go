package deploy

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/wsbridge/wsbridge/test/testserver"
)

const top = "../.."

// instructions returns the arguments of all instructions of a name in the Dockerfile, which
// has each on one line.
func instructions(t *testing.T, name string) (all []string) {
	t.Helper()
	for line := range strings.Lines(file(t, "Dockerfile")) {
		if args, ok := strings.CutPrefix(line, name+" "); ok {
			all = append(all, strings.TrimSpace(args))
		}
	}
	return all
}

// instruction returns the arguments of the one instruction of a name.
func instruction(t *testing.T, name string) string {
	t.Helper()
	all := instructions(t, name)
	if len(all) != 1 {
		t.Fatalf("the Dockerfile has %d %s", len(all), name)
	}
	return all[0]
}

func words(t *testing.T, list string) (words []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(list), &words); err != nil {
		t.Fatalf("%s: %v", list, err)
	}
	return words
}

func TestImageRunsAsNobody(t *testing.T) {
	user, _, _ := strings.Cut(instruction(t, "USER"), ":")
	if id, err := strconv.Atoi(user); err != nil || id == 0 {
		t.Errorf("the user is %q; Kubernetes can only tell of a number that it is not root", user)
	}
}

func TestImageHasGoOfModule(t *testing.T) {
	m := regexp.MustCompile(`(?m)^go (\S+)$`).FindStringSubmatch(file(t, "go.mod"))
	image := regexp.MustCompile(`^golang:([0-9.]+)`).FindStringSubmatch(instructions(t, "FROM")[0])
	if m == nil || image == nil || version.Compare("go"+image[1], "go"+m[1]) < 0 {
		t.Errorf("go.mod: %q, the image: %q", m, image)
	}
}

// TestImage builds the program by the line of the Dockerfile and does with it what the image
// would: nothing but itself is there.
func TestImage(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "wsbridge")
	lines := instructions(t, "RUN")
	build := lines[len(lines)-1]
	if !strings.Contains(build, " -o /wsbridge ") {
		t.Fatalf("it is built by %q", build)
	}
	cmd := exec.Command("sh", "-c", strings.Replace(build, " -o /wsbridge ", " -o "+binary+" ", 1))
	cmd.Dir = top
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	program, err := elf.Open(binary)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	libraries, err := program.ImportedLibraries()
	if err != nil {
		t.Fatal(err)
	}
	loaded := slices.ContainsFunc(program.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP })
	if loaded || len(libraries) > 0 {
		t.Errorf("it is not static: it needs %q", libraries)
	}

	entry := words(t, instruction(t, "ENTRYPOINT"))
	_, check, _ := strings.Cut(instruction(t, "HEALTHCHECK"), "CMD ")
	if health := words(t, check); !slices.Equal(entry, []string{"/wsbridge"}) || health[0] != entry[0] {
		t.Fatalf("it runs %q and is checked by %q", entry, health)
	}
	healthy := func(addr string) error {
		cmd := exec.Command(binary, words(t, check)[1:]...)
		cmd.Env = []string{"WSBRIDGE_ADDR=" + addr}
		cmd.Dir = t.TempDir()
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w: %s", err, out)
		}
		return nil
	}
	server := testserver.Start(t)
	if err := healthy(server.Addr); err != nil {
		t.Errorf("an instance that serves: %v", err)
	}
	server.Terminate()
	server.Wait(t)
	if healthy(server.Addr) == nil {
		t.Error("an instance that has ended is healthy")
	}
}

// ignored reports whether .dockerignore keeps a file out, of patterns without exceptions.
func ignored(t *testing.T, name string) bool {
	t.Helper()
	for line := range strings.Lines(file(t, ".dockerignore")) {
		pattern := strings.TrimSpace(line)
		if pattern == "" || pattern[0] == '#' {
			continue
		}
		expr := regexp.QuoteMeta(pattern)
		expr = strings.ReplaceAll(expr, `\*\*/`, `(.*/)?`)
		expr = strings.ReplaceAll(expr, `\*`, `[^/]*`)
		if regexp.MustCompile(`^` + expr + `(/|$)`).MatchString(name) {
			return true
		}
	}
	return false
}

// TestBuildContext: all that the program is made of is given to the build, and secrets that
// may lie beside it are not.
func TestBuildContext(t *testing.T) {
	const format = `{{if and .Module .Module.Main}}{{$dir := .Dir}}{{range .GoFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{range .EmbedFiles}}{{$dir}}/{{.}}{{"\n"}}{{end}}{{end}}`
	cmd := exec.Command("go", "list", "-deps", "-f", format, "./cmd/wsbridge")
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs(top)
	if err != nil {
		t.Fatal(err)
	}
	needed := []string{"go.mod", "go.sum"}
	for _, name := range strings.Fields(string(out)) {
		needed = append(needed, strings.TrimPrefix(name, root+"/"))
	}
	if len(needed) < 100 {
		t.Fatalf("the program is made of %d files", len(needed))
	}
	for _, name := range needed {
		if ignored(t, name) {
			t.Errorf("the build lacks %s", name)
		}
	}
	for _, name := range []string{".git/config", ".env", "deploy/.env", "test/package.json", "api/routes_test.go"} {
		if !ignored(t, name) {
			t.Errorf("the build is given %s", name)
		}
	}
}
