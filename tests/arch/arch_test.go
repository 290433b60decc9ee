package arch

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/holdfast-ha/holdfast"

// pkg is what go list says of a package.
type pkg struct {
	Dir, ImportPath, Name string
	GoFiles, TestGoFiles  []string
	XTestGoFiles, Imports []string
}

func (p pkg) rel() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

func within(path, tree string) bool {
	return tree == "" || path == tree || strings.HasPrefix(path, tree+"/")
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.Command("go", "list", "-json", "./...")
	cmd.Dir = "../.."
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

func TestImports_GoOneWay(t *testing.T) {
	for _, p := range packages(t) {
		at := slices.IndexFunc(rules, func(r rule) bool { return within(p.rel(), r.tree) })
		if at < 0 {
			t.Errorf("%s: no rule says what it may import; add one with a reason to tests/arch", p.rel())
			continue
		}
		r := rules[at]
		for _, imp := range p.Imports {
			target, ours := strings.CutPrefix(imp, module+"/")
			if !ours || within(target, r.tree) {
				continue
			}
			if !slices.ContainsFunc(r.may, func(tree string) bool { return within(target, tree) }) {
				t.Errorf("%s imports %s: %s", p.rel(), target, r.reason)
			}
		}
	}
}

func TestPure_PackagesOnlyDecide(t *testing.T) {
	for _, p := range packages(t) {
		if !slices.ContainsFunc(pure, func(tree string) bool { return within(p.rel(), tree) }) {
			continue
		}
		for _, imp := range p.Imports {
			if why, bad := forbidden[imp]; bad {
				t.Errorf("%s imports %s: %s", p.rel(), imp, why)
			}
		}
		for _, f := range p.GoFiles {
			checkPure(t, filepath.Join(p.Dir, f))
		}
	}
}

func checkPure(t *testing.T, path string) {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		what := ""
		switch n := n.(type) {
		case *ast.GoStmt:
			what = "starts a goroutine"
		case *ast.SelectStmt:
			what = "waits in a select"
		case *ast.ChanType:
			what = "uses a channel"
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == "time" && slices.Contains(clock, n.Sel.Name) {
				what = "calls time." + n.Sel.Name
			}
		}
		if what != "" {
			t.Errorf("%s: a pure package %s", fset.Position(n.Pos()), what)
		}
		return true
	})
}

func TestPackages_HaveOneDocComment(t *testing.T) {
	for _, p := range packages(t) {
		docs := 0
		for _, f := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, f), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			if file.Doc != nil {
				docs++
			}
		}
		if len(p.GoFiles) > 0 && docs != 1 {
			t.Errorf("%s: %d files have a package comment, want exactly one", p.rel(), docs)
		}
	}
}

func TestFiles_HoldOneConcept(t *testing.T) {
	banned := []string{"util", "utils", "common", "helper", "helpers", "manager", "base", "structs", "misc", "types"}
	for _, p := range packages(t) {
		if slices.Contains(banned, p.Name) {
			t.Errorf("package %s: the name says nothing", p.rel())
		}
		for _, f := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
			raw, err := os.ReadFile(filepath.Join(p.Dir, f))
			if err != nil {
				t.Fatal(err)
			}
			limit := maxLines
			if p.Name == "main" && within(p.rel(), "cmd") {
				limit = maxMainLines
			}
			if n := bytes.Count(raw, []byte("\n")); n > limit {
				t.Errorf("%s/%s has %d lines, the limit is %d: which concept wants a file of its own?", p.rel(), f, n, limit)
			}
			if name, _ := strings.CutSuffix(strings.TrimSuffix(f, ".go"), "_test"); slices.Contains(banned, name) {
				t.Errorf("%s/%s: a file is named for a concept", p.rel(), f)
			}
		}
	}
}

// Only mains end the process, read flags or catch signals.
func TestProcess_BelongsToMains(t *testing.T) {
	for _, p := range packages(t) {
		if within(p.rel(), "cmd") || within(p.rel(), "tests") {
			continue
		}
		for _, imp := range p.Imports {
			if imp == "flag" || imp == "os/signal" {
				t.Errorf("%s imports %s, which belongs to cmd", p.rel(), imp)
			}
		}
		for _, f := range p.GoFiles {
			path := filepath.Join(p.Dir, f)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			for i, line := range strings.Split(string(raw), "\n") {
				if strings.Contains(line, "os.Exit(") {
					t.Errorf("%s:%s ends the process", path, strconv.Itoa(i+1))
				}
			}
		}
	}
}
