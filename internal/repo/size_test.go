package repo

import (
	"go/ast"
	"testing"
)

// What a reader holds in mind at once. Tests and tables of data are longer
// with good reason.
const (
	maxFileLines     = 350
	maxFunctionLines = 60
)

func TestSizes(t *testing.T) {
	tr := load(t)
	for _, s := range tr.sources {
		if s.test {
			continue
		}
		if n := tr.fset.Position(s.file.FileEnd).Line; n > maxFileLines {
			t.Errorf("%s has %d lines, more than %d: split it by what its parts do", s.path, n, maxFileLines)
		}
		for _, d := range s.file.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			start, end := tr.fset.Position(f.Pos()), tr.fset.Position(f.End())
			if n := end.Line - start.Line + 1; n > maxFunctionLines {
				t.Errorf("%s:%d: %s has %d lines, more than %d: name its parts", s.path, start.Line, f.Name.Name, n, maxFunctionLines)
			}
		}
	}
}
