package cli

import "strings"

// nearest is the candidate that a mistyped name most likely meant, or "" when
// none is close: at most one edit for each three letters, and two at least.
// Ties go to the first.
func nearest(name string, candidates []string) string {
	best, bestDistance := "", max(2, len(name)/3)+1
	for _, c := range candidates {
		if d := editDistance(strings.ToLower(name), strings.ToLower(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		for _, c := range candidates {
			if len(name) >= 3 && strings.Contains(c, strings.ToLower(name)) {
				return c
			}
		}
	}
	return best
}

// didYouMean is a clause to end an error with: the nearest candidate, else all
// of them when they are few enough to read.
func didYouMean(name string, candidates []string) string {
	if n := nearest(name, candidates); n != "" {
		return "; did you mean " + n + "?"
	}
	if len(candidates) > 0 && len(candidates) <= 24 {
		return "; known are " + strings.Join(candidates, ", ")
	}
	return ""
}

// editDistance counts the insertions, deletions, substitutions and swaps of
// neighbouring bytes that turn a into b (optimal string alignment).
func editDistance(a, b string) int {
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
