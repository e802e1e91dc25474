package repo

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"testing"
)

// TestPurityHasTeeth runs the purity rules over code that breaks each of them.
func TestPurityHasTeeth(t *testing.T) {
	const header = "package p\nimport (\"time\"; \"math/rand\"; \"os\")\nvar table = map[int]int{}\nvar count int\n"
	for _, c := range []struct {
		name, code   string
		pure, global int // problems beyond the header's two imports
	}{
		{"clean", "func f(now time.Duration) { table := map[int]int{}; table[1] = 2; _ = table }", 0, 0},
		{"clock", "func f() { _ = time.Now() }", 1, 0},
		{"goroutine", "func f() { go f() }", 1, 0},
		{"init", "func init() {}", 0, 1},
		{"counter", "func f() { count++ }", 0, 1},
		{"table", "func f() { table[3] = 4 }", 0, 1},
	} {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, "p.go", header+c.code, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(impurities(file, true)) - 2; got != c.pure {
			t.Errorf("%s: %d impurities, want %d", c.name, got, c.pure)
		}
		info := &types.Info{Uses: map[*ast.Ident]types.Object{}}
		conf := types.Config{Importer: noImports{}, Error: func(error) {}}
		pkg, _ := conf.Check("p", fset, []*ast.File{file}, info)
		if got := len(globalWrites(file, pkg, info)); got != c.global {
			t.Errorf("%s: %d global writes, want %d", c.name, got, c.global)
		}
	}
}
