// Package spell finds the name that a mistyped one most likely meant, for
// messages: one judgement of what is near for the whole program.
package spell

import (
	"fmt"
	"strings"
)

// few is how many names a message may list.
const few = 24

// Nearest is the candidate that differs least from name, letter case apart: by at
// most one edit and one more for each three bytes, and by less than all of it.
// Ties go to the first. When none is that near it is the first candidate that
// contains the name (of three bytes or more), else "".
func Nearest(name string, candidates []string) string {
	name = strings.ToLower(name)
	best, least := "", min(len(name), 2+len(name)/3)
	for _, c := range candidates {
		if d := Distance(name, strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	if best != "" || len(name) < 3 {
		return best
	}
	for _, c := range candidates {
		if strings.Contains(strings.ToLower(c), name) {
			return c
		}
	}
	return ""
}

// Hint is a clause to end a message with: the nearest candidate, else all of
// them when they are few enough to read, else nothing.
func Hint(name string, candidates []string) string {
	switch n := Nearest(name, candidates); {
	case n != "":
		return fmt.Sprintf("; did you mean %q?", n)
	case len(candidates) > 0 && len(candidates) <= few:
		return "; known are " + strings.Join(candidates, ", ")
	}
	return ""
}

// Distance counts the insertions, deletions, substitutions and swaps of
// neighbouring bytes that turn a into b (optimal string alignment).
func Distance(a, b string) int {
	before, above, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		before, above, row = above, row, before
		row[0] = i
		for j := 1; j <= len(b); j++ {
			substitute := above[j-1]
			if a[i-1] != b[j-1] {
				substitute++
			}
			row[j] = min(above[j]+1, row[j-1]+1, substitute)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return row[len(b)]
}
