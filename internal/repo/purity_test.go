package repo

import (
	"errors"
	"go/ast"
	"go/types"
	"slices"
	"strconv"
	"testing"
)

// pure lists the packages that decide: they are handed time, events and keyed
// draws, and return what to do. The same calls give the same answers.
var pure = []string{
	"engine/kv",
	"engine/sample",
	"engine/sched",
	"internal/spell",
	"internal/rng",
	"reference/agent",
	"reference/router",
	"reference/sandbox/internal/fuel",
	"reference/session/content",
	"reference/topology",
	"sim/batching",
	"sim/des",
	"sim/steptime",
	"workloads",
}

// pureFiles decide in packages that also drive: what is replayed from a journal,
// agreed on between nodes, or billed alike for simulated and live runs.
var pureFiles = []string{
	"reference/ledger/amount.go",
	"reference/ledger/bill.go",
	"reference/ledger/loop.go",
	"reference/ledger/use.go",
	"reference/session/life.go",
	"reference/session/placement/table.go",
	"reference/session/program.go",
	"reference/session/record.go",
	"reference/session/snapshot.go",
	"reference/session/state.go",
	"reference/session/view.go",
}

// impureImports must not appear in a pure package.
var impureImports = map[string]string{
	"math/rand":    "draw through internal/rng: a draw is keyed by what it is for",
	"math/rand/v2": "draw through internal/rng: a draw is keyed by what it is for",
	"crypto/rand":  "draw through internal/rng: a draw is keyed by what it is for",
	"os":           "take an io.Reader or an fs.FS; the command line opens files",
	"net":          "hand the driver an effect to carry out",
	"net/http":     "hand the driver an effect to carry out",
	"sync":         "a pure object is used by one goroutine at a time",
	"log":          "return an error or a reason; a driver logs",
	"unsafe":       "it has no place in a decision",
}

// clockCalls are the functions of package time that read the clock or wait.
var clockCalls = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// simulated packages keep the clock out as well, but may use goroutines.
var simulated = []string{"sim", "sim/...", "workloads/..."}

func TestPurePackages(t *testing.T) {
	tr := load(t)
	listed := map[string]bool{}
	for dir, files := range tr.packages() {
		for _, s := range files {
			listed[dir], listed[s.path] = true, true
			isPure := slices.Contains(pure, dir) || slices.Contains(pureFiles, s.path)
			if !isPure && !matchesAny(simulated, dir) {
				continue
			}
			for _, problem := range impurities(s.file, isPure) {
				t.Errorf("%s: %s", tr.fset.Position(problem.node.Pos()), problem.what)
			}
		}
	}
	for _, name := range slices.Concat(pure, pureFiles) {
		if !listed[name] {
			t.Errorf("%s is in the list of what is pure and is not there", name)
		}
	}
}

type impurity struct {
	node ast.Node
	what string
}

// impurities lists what a file does that a pure package must not, or, with
// decides false, what a simulated one must not.
func impurities(file *ast.File, decides bool) []impurity {
	var found []impurity
	timeName := ""
	for _, spec := range file.Imports {
		name, _ := strconv.Unquote(spec.Path.Value)
		if instead, bad := impureImports[name]; bad && (decides || name == "math/rand" || name == "math/rand/v2" || name == "crypto/rand") {
			found = append(found, impurity{spec, "imports " + name + ": " + instead})
		}
		if name == "time" {
			timeName = "time"
			if spec.Name != nil {
				timeName = spec.Name.Name
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			if decides {
				found = append(found, impurity{n, "starts a goroutine: return an effect and let the driver run it"})
			}
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && timeName != "" && x.Name == timeName && slices.Contains(clockCalls, n.Sel.Name) {
				found = append(found, impurity{n, "calls time." + n.Sel.Name + ": time is handed in, as a Duration since the start of the run"})
			}
		}
		return true
	})
	return found
}

// TestNoGlobalState refuses init functions and assignments to package-level
// variables in code that is not a test.
func TestNoGlobalState(t *testing.T) {
	tr := load(t)
	for dir, files := range tr.packages() {
		var asts []*ast.File
		for _, s := range files {
			asts = append(asts, s.file)
		}
		info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
		// Imports stay unresolved: the package's own scope is all that counts
		// here, so errors are expected and dropped.
		conf := types.Config{Importer: noImports{}, Error: func(error) {}}
		pkg, _ := conf.Check(dir, tr.fset, asts, info)
		for _, f := range asts {
			for _, problem := range globalWrites(f, pkg, info) {
				t.Errorf("%s: %s", tr.fset.Position(problem.node.Pos()), problem.what)
			}
		}
	}
}

// noImports resolves nothing.
type noImports struct{}

func (noImports) Import(string) (*types.Package, error) { return nil, errors.New("not resolved") }

func globalWrites(file *ast.File, pkg *types.Package, info *types.Info) []impurity {
	var found []impurity
	check := func(n ast.Node, target ast.Expr) {
		if id := rootIdent(target); id != nil {
			if v, ok := info.Uses[id].(*types.Var); ok && v.Parent() == pkg.Scope() {
				found = append(found, impurity{n, "changes the package-level variable " + id.Name + ": make it a field of a value that the caller holds"})
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil && n.Name.Name == "init" {
				found = append(found, impurity{n, "init function: have the caller construct what it needs"})
			}
		case *ast.AssignStmt:
			for _, target := range n.Lhs {
				check(n, target)
			}
		case *ast.IncDecStmt:
			check(n, n.X)
		}
		return true
	})
	return found
}

// rootIdent is the variable at the start of a target such as table[i].field.
func rootIdent(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.IndexExpr:
			e = x.X
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}
