package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/wsbridge/wsbridge/"

// allowed lists, for each package of library code, the packages of ours that it may import.
// A trailing /... stands for everything below.
var allowed = map[string][]string{
	"pubsub":                     {},
	"pubsub/membroker":           {"pubsub"},
	"pubsub/pubsubtest":          {"pubsub"},
	"pubsub/redisbroker":         {"pubsub"},
	"bridge":                     {"pubsub"},
	"bridge/relay":               {"pubsub"},
	"transport/websocket":        {},
	"transport/wire":             {"pubsub"},
	"transport/internal/netpoll": {},
	"transport":                  {"pubsub", "bridge", "bridge/relay", "transport/internal/netpoll", "transport/websocket", "transport/wire", "internal/auth", "internal/problem", "internal/requestid", "internal/wheel"},
	"api":                        {"pubsub", "bridge", "bridge/relay", "transport", "transport/wire", "internal/auth", "internal/clientjs", "internal/problem", "internal/requestid"},
	"client":                     {"pubsub", "transport/wire", "client/raw"},
	"client/raw":                 {"pubsub", "transport/websocket", "transport/wire"},
	"internal/auth":              {"pubsub"},
	"internal/clientjs":          {},
	"internal/config":            {"pubsub", "internal/auth"},
	"internal/load":              {"pubsub", "transport/websocket"},
	"internal/metrics":           {"pubsub", "transport/wire", "internal/problem"},
	"internal/page":              {"internal/problem"},
	"internal/problem":           {"pubsub", "transport/wire", "internal/requestid"},
	"internal/redistest":         {},
	"internal/requestid":         {},
	"internal/seen":              {"internal/problem"},
	"internal/wheel":             {},
}

// parse parses the library code of one package.
func parse(t *testing.T, dir string) (*token.FileSet, []*ast.File) {
	t.Helper()
	fset := token.NewFileSet()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, f)
	}
	return fset, files
}

// packages returns the directories with Go files, relative to the top, except main programs
// and the test module.
func packages(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel("../..", path)
		if d.IsDir() && (rel == "test" || rel == "cmd" || rel == "examples" || rel == "bench" || strings.HasPrefix(d.Name(), ".") && rel != "." || d.Name() == "testdata" || d.Name() == "node_modules") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			dirs = append(dirs, filepath.ToSlash(filepath.Dir(rel)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(dirs)
	return slices.Compact(dirs)
}

func TestImportsFormALine(t *testing.T) {
	for _, pkg := range packages(t) {
		_, files := parse(t, filepath.Join("../..", pkg))
		may, known := allowed[pkg]
		for _, f := range files {
			for _, imp := range f.Imports {
				path := strings.Trim(imp.Path.Value, `"`)
				ours, ok := strings.CutPrefix(path, module)
				if !ok {
					continue
				}
				if !known {
					t.Errorf("package %s imports %s, but the table says nothing of it", pkg, ours)
				} else if !slices.Contains(may, ours) {
					t.Errorf("package %s imports %s, which it may not", pkg, ours)
				}
			}
		}
	}
	for pkg := range allowed {
		if _, err := os.Stat(filepath.Join("../..", pkg)); err != nil {
			t.Errorf("the table names %s, which is not there", pkg)
		}
	}
}

// TestEveryGoroutineIsListed finds the go statements and the calls of a WaitGroup's Go in
// library code, and looks for their functions in the table of docs/ARCHITECTURE.md, both ways.
func TestEveryGoroutineIsListed(t *testing.T) {
	doc, err := os.ReadFile("../../docs/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := make(map[string]bool)
	for line := range strings.Lines(string(doc)) {
		// | `package.function` | owner | how it ends |
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "| `go "), "`"); ok && strings.HasPrefix(line, "| `go ") {
			listed[name] = false
		}
	}
	for _, pkg := range packages(t) {
		if pkg == "pubsub/pubsubtest" || pkg == "internal/redistest" {
			continue // tests, though not in files of that name
		}
		_, files := parse(t, filepath.Join("../..", pkg))
		for _, f := range files {
			for _, decl := range f.Decls {
				fn, ok := decl.(*ast.FuncDecl)
				if !ok || !starts(fn) {
					continue
				}
				name := pkg + "." + function(fn)
				if _, ok := listed[name]; !ok {
					t.Errorf("%s starts a goroutine that docs/ARCHITECTURE.md does not list", name)
				}
				listed[name] = true
			}
		}
	}
	for name, found := range listed {
		if !found {
			t.Errorf("docs/ARCHITECTURE.md lists %s, which starts no goroutine", name)
		}
	}
}

// function returns Type.Method or Function.
func function(fn *ast.FuncDecl) string {
	if fn.Recv == nil {
		return fn.Name.Name
	}
	recv := fn.Recv.List[0].Type
	if star, ok := recv.(*ast.StarExpr); ok {
		recv = star.X
	}
	if ident, ok := recv.(*ast.Ident); ok {
		return ident.Name + "." + fn.Name.Name
	}
	return fn.Name.Name
}

// starts reports whether a function has a go statement, calls a method Go with one
// argument, or hands a function to the runtime to be called later.
func starts(fn *ast.FuncDecl) (found bool) {
	ast.Inspect(fn, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = true
		case *ast.CallExpr:
			sel, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				break
			}
			x, _ := sel.X.(*ast.Ident)
			if sel.Sel.Name == "Go" && len(n.Args) == 1 || sel.Sel.Name == "AfterFunc" && x != nil && (x.Name == "time" || x.Name == "context") {
				found = true
			}
		}
		return !found
	})
	return found
}
