package builtin

import (
	"math/big"
	"path"
	"strings"
	"testing"
)

func FuzzCalculator(f *testing.F) {
	for _, text := range []string{"1+2*3", "pow(2, 10) % 7", "round(-1.005, 2)", "sqrt(2.25)/0", "1e9_9", "((((1))))", "func(){}()", "min(1,2,3...)"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v, err := evaluate(text)
		if err != nil {
			if err.Error() == "" || len(err.Error()) > 3*maxExpression {
				t.Fatalf("error of %d bytes", len(err.Error()))
			}
			return
		}
		w := wordValue(v)
		back, ok := new(big.Rat).SetString(w.Value)
		if !ok || w.Exact && back.Cmp(v) != 0 || !w.Exact && w.Fraction == "" {
			t.Fatalf("%q is %s and is told as %+v", text, v, w)
		}
		if again, err := evaluate("0+(" + text + ")"); err == nil && again.Cmp(v) != 0 {
			t.Fatalf("%q is %s, in brackets %s", text, v, again)
		}
	})
}

func FuzzPath(f *testing.F) {
	for _, p := range []string{"a", "a/b.txt", "/a", "../a", "a/../b", "a//b", ".", "a/", `a\b`, "C:a", "a\x00", "\xff", "..a/b..", strings.Repeat("x", 500)} {
		f.Add(p)
	}
	f.Fuzz(func(t *testing.T, p string) {
		if checkPath(p) != nil {
			return
		}
		joined := path.Join("/workspace", p)
		if joined != "/workspace/"+p || !strings.HasPrefix(path.Dir(joined)+"/", "/workspace/") || strings.ContainsAny(p, "\\:\x00") || len(p) > maxPath {
			t.Fatalf("%q was taken and is %q in the workspace", p, joined)
		}
	})
}

func TestPaths(t *testing.T) {
	for _, c := range []struct{ path, want string }{
		{"a", ""}, {"a/b-c/d.txt", ""}, {".hidden", ""}, {"..a", ""}, {"ü", ""},
		{"", "1 to 400"}, {strings.Repeat("x", 401), "1 to 400"}, {strings.Repeat("x", 201), "201 bytes"},
		{"/a", `as in "a"`}, {"..", "none of .."}, {"a/../b", "none of .."}, {"a//b", `as "a/b"`}, {"./a", `as "a"`}, {"a/", `as "a"`},
		{".", "names the workspace"}, {`a\b`, "want /"}, {"C:", "want /"}, {"a\n", "control"}, {"\xff", "UTF-8"},
	} {
		err := checkPath(c.path)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.path, err, c.want)
		}
	}
}
