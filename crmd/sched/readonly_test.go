package sched_test

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const tree = "github.com/holdfast-ha/holdfast/crmd/sched/"

// makers are the packages that make a model; to all others it is read-only.
var makers = []string{"model", "unpack", "history"}

// guarded are the types that a model is made of.
var guarded = []string{"Model", "Resource", "Node", "History", "Op", "Ticket", "Options", "DeferredCheck",
	"GroupConfig", "CloneConfig", "BundleConfig", "Replica", "Port", "Mount"}

// The stages after parsing contain no statement that changes a field of a model. What they change is in a State.
func TestModel_IsReadOnlyToTheStages(t *testing.T) {
	list, exports := listPackages(t)
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	var mutators []string // methods of the model that change it
	for _, p := range list {
		name := strings.TrimPrefix(p.ImportPath, tree)
		if name != "model" {
			continue
		}
		c := check(t, p, lookup)
		mutators = c.mutators()
		if len(mutators) == 0 {
			t.Error("no method of the model changes it, not even while it is made: the check does not work")
		}
	}
	stages := 0
	for _, p := range list {
		name := strings.TrimPrefix(p.ImportPath, tree)
		if !strings.HasPrefix(p.ImportPath, tree) || slices.Contains(makers, name) {
			continue
		}
		stages++
		c := check(t, p, lookup)
		for _, pos := range c.changes(mutators) {
			t.Errorf("%s: changes the model", c.fset.Position(pos))
		}
	}
	if stages < 10 {
		t.Errorf("only %d packages were looked at", stages)
	}
}

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath, Dir, Export string
	GoFiles                 []string
}

// listPackages lists the scheduler's packages in order, and where the compiled form of all that they import is.
func listPackages(t *testing.T) ([]goPackage, map[string]string) {
	t.Helper()
	cmd := exec.Command("go", "list", "-export", "-deps", "-json=ImportPath,Dir,Export,GoFiles", "./...")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var list []goPackage
	exports := map[string]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return list, exports
		} else if err != nil {
			t.Fatal(err)
		}
		exports[p.ImportPath] = p.Export
		if strings.HasPrefix(p.ImportPath, tree) {
			list = append(list, p)
		}
	}
}

// checker looks for changes in the code of one package.
type checker struct {
	fset  *token.FileSet
	files []*ast.File
	info  *types.Info
}

func check(t *testing.T, p goPackage, lookup importer.Lookup) *checker {
	t.Helper()
	c := &checker{fset: token.NewFileSet(), info: &types.Info{Types: map[ast.Expr]types.TypeAndValue{},
		Selections: map[*ast.SelectorExpr]*types.Selection{}, Uses: map[*ast.Ident]types.Object{}}}
	for _, f := range p.GoFiles {
		file, err := parser.ParseFile(c.fset, filepath.Join(p.Dir, f), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		c.files = append(c.files, file)
	}
	conf := types.Config{Importer: importer.ForCompiler(c.fset, "gc", lookup)}
	if _, err := conf.Check(p.ImportPath, c.fset, c.files, c.info); err != nil {
		t.Fatalf("%s: %v", p.ImportPath, err)
	}
	return c
}

// mutators are the methods of the guarded types that change something of them.
func (c *checker) mutators() []string {
	var names []string
	for _, f := range c.files {
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if ok && fn.Recv != nil && isGuarded(c.info.TypeOf(fn.Recv.List[0].Type)) && len(c.within(fn, nil)) > 0 {
				names = append(names, fn.Name.Name)
			}
		}
	}
	return names
}

// changes are the places that change a model, by themselves or by calling one of the mutators.
func (c *checker) changes(mutators []string) []token.Pos {
	var all []token.Pos
	for _, f := range c.files {
		all = append(all, c.within(f, mutators)...)
	}
	return all
}

func (c *checker) within(root ast.Node, mutators []string) []token.Pos {
	var found []token.Pos
	flag := func(e ast.Expr) {
		if c.ofModel(e) {
			found = append(found, e.Pos())
		}
	}
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			if n.Tok != token.DEFINE {
				for _, e := range n.Lhs {
					flag(e)
				}
			}
		case *ast.IncDecStmt:
			flag(n.X)
		case *ast.RangeStmt:
			if n.Tok == token.ASSIGN {
				flag(n.Key)
				flag(n.Value)
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND && c.info.TypeOf(n.X) != nil && !isComposite(n.X) && !c.exempt(n.X) {
				flag(n.X)
			}
		case *ast.CallExpr:
			c.call(n, mutators, flag, func(p token.Pos) { found = append(found, p) })
		}
		return true
	})
	return found
}

// exempt are values of which the address is taken without changing anything: an element of a slice, and
// what is passed on to be read.
func (c *checker) exempt(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.IndexExpr:
		return true
	case *ast.SelectorExpr:
		return e.Sel.Name == "Options" || e.Sel.Name == "Agent"
	}
	return false
}

func isComposite(e ast.Expr) bool { _, ok := e.(*ast.CompositeLit); return ok }

// changing are functions of the library that change their first argument.
var changing = []string{"delete", "clear", "copy", "Sort", "SortFunc", "SortStableFunc", "Reverse", "Delete", "DeleteFunc",
	"Insert", "Replace", "Compact", "CompactFunc"}

func (c *checker) call(call *ast.CallExpr, mutators []string, flag func(ast.Expr), add func(token.Pos)) {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		if _, builtin := c.info.Uses[f].(*types.Builtin); builtin && slices.Contains(changing, f.Name) {
			flag(call.Args[0])
		}
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			if p, ok := c.info.Uses[x].(*types.PkgName); ok {
				if p.Imported().Path() == "slices" && slices.Contains(changing, f.Sel.Name) {
					flag(call.Args[0])
				}
				return
			}
		}
		s := c.info.Selections[f]
		if s == nil || s.Kind() != types.MethodVal {
			return
		}
		if isGuarded(s.Recv()) && slices.Contains(mutators, f.Sel.Name) {
			add(f.Pos())
		}
		if strings.HasSuffix(s.Recv().String(), "report.Log") {
			flag(f.X) // the log of the model is that of its making
		}
		recv := s.Obj().(*types.Func).Signature().Recv().Type()
		if _, byPointer := recv.(*types.Pointer); byPointer {
			if _, isPointer := s.Recv().(*types.Pointer); !isPointer {
				flag(f.X) // the method gets the address of the field
			}
		}
	}
}

// ofModel reports whether an expression is something inside a model: a field of a guarded type, or below one.
func (c *checker) ofModel(e ast.Expr) bool {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			if isGuarded(c.info.TypeOf(x.X)) {
				return true
			}
			e = x.X
		case *ast.SelectorExpr:
			if isGuarded(c.info.TypeOf(x.X)) {
				return true
			}
			e = x.X
		default:
			return false
		}
	}
}

func isGuarded(t types.Type) bool {
	if p, ok := t.(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := t.(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == tree+"model" && slices.Contains(guarded, n.Obj().Name())
}
