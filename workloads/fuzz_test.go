package workloads_test

import (
	"strings"
	"testing"
)

// FuzzReader holds the reader to two promises: it never panics, and what it
// accepts is written in a form that reads and writes as itself.
func FuzzReader(f *testing.F) {
	f.Add(full)
	f.Add(lines(session, step("a"), step("b", `"after":[{"step":"a"}]`)))
	f.Add(lines(`{"kind":"prefix","name":"p","add":9}`, session, step("s", `"messages":[ 1 , "x" ]`)))
	f.Add(lines(session, step("p", `"tools":[{"name":"t","spawn":["x"]}]`), step("x", `"after":[{"step":"p","on":"llm_done"}]`)))
	f.Add(strings.TrimSuffix(full, "}\n"))
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := readAll(text); err != nil {
			return
		}
		once, err := rewrite(text)
		if err != nil {
			t.Fatalf("the writer refuses what the reader accepts: %v", err)
		}
		twice, err := rewrite(once)
		if err != nil {
			t.Fatalf("the reader refuses what the writer wrote: %v\n%s", err, once)
		}
		if once != twice {
			t.Fatalf("one way:\n%s\nthe other:\n%s", once, twice)
		}
	})
}
