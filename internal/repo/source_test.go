package repo

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

const module = "tierlab"

// source is one parsed Go file.
type source struct {
	path string // from the repository's root, with slashes
	dir  string // "." at the root
	test bool
	file *ast.File
}

// imports lists the paths that the file imports.
func (s source) imports() []string {
	var list []string
	for _, spec := range s.file.Imports {
		p, _ := strconv.Unquote(spec.Path.Value)
		list = append(list, p)
	}
	return list
}

// tree is every file of the repository.
type tree struct {
	root    string
	fset    *token.FileSet
	sources []source
	texts   []string // files that people read, from the root
}

// repository parses the repository once for all tests.
var repository = sync.OnceValues(func() (*tree, error) {
	root, err := filepath.Abs("../..")
	if err != nil {
		return nil, err
	}
	t := &tree{root: root, fset: token.NewFileSet()}
	err = filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			if rel == "out" || strings.HasPrefix(rel, ".") && rel != "." && rel != ".ci" {
				return filepath.SkipDir
			}
			return nil
		}
		return t.add(rel)
	})
	return t, err
})

func (t *tree) add(rel string) error {
	switch ext := path.Ext(rel); {
	case ext == ".go":
		file, err := parser.ParseFile(t.fset, filepath.Join(t.root, rel), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		t.sources = append(t.sources, source{path: rel, dir: path.Dir(rel), test: strings.HasSuffix(rel, "_test.go"), file: file})
		t.texts = append(t.texts, rel)
	case slices.Contains([]string{".md", ".yaml", ".yml", ".mod", ".html"}, ext), rel == "Makefile", strings.HasPrefix(rel, ".ci/"):
		t.texts = append(t.texts, rel)
	}
	return nil
}

// load is repository for a test.
func load(t *testing.T) *tree {
	t.Helper()
	tr, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	if len(tr.sources) < 10 {
		t.Fatalf("found %d Go files under %s: the rules would check nothing", len(tr.sources), tr.root)
	}
	return tr
}

// packages lists the non-test files of every package by its folder.
func (t *tree) packages() map[string][]source {
	m := map[string][]source{}
	for _, s := range t.sources {
		if !s.test {
			m[s.dir] = append(m[s.dir], s)
		}
	}
	return m
}

// read is a file's text.
func (t *tree) read(tb testing.TB, rel string) string {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(t.root, rel))
	if err != nil {
		tb.Fatal(err)
	}
	return string(b)
}
