package router

import (
	"regexp"
	"testing"
)

// FuzzCountKeywords compares the scanner with regular expressions. Both take
// bytes beyond ASCII as parts of words.
func FuzzCountKeywords(f *testing.F) {
	for _, s := range []string{
		"", "Classify, then summarize.", "explain  why\tthis", "explain whyever", "compare and contrastive",
		"countcount count", "design_debug", "r\u00e9sum\u00e9 analyze", "implement\x00", "IMPLEMENT", "a[design]{debug}",
	} {
		f.Add(s)
	}
	const end = `(?:[^0-9A-Za-z_\x80-\xff]|$)`
	pattern := func(word string) *regexp.Regexp {
		word = regexp.MustCompile(` `).ReplaceAllString(word, `[ \t\n\r]+`)
		return regexp.MustCompile(`(?i)(?:^|[^0-9A-Za-z_\x80-\xff])` + word + end)
	}
	var lists [2][]*regexp.Regexp
	for i, words := range [2][]string{
		{"classify", "summarize", "route", "extract", "count", "filter"},
		{"analyze", "design", "implement", "debug", "explain why", "compare and contrast"},
	} {
		for _, w := range words {
			lists[i] = append(lists[i], pattern(w))
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		// One rune a byte, so that the patterns see bytes as the scanner does.
		runes := make([]rune, len(text))
		for i := range len(text) {
			runes[i] = rune(text[i])
		}
		var want [2]int
		for i := range lists {
			for _, p := range lists[i] {
				if p.MatchString(string(runes)) {
					want[i]++
				}
			}
		}
		if simple, complex := countKeywords(text); simple != want[0] || complex != want[1] {
			t.Errorf("%q: %d simple and %d complex, want %v", text, simple, complex, want)
		}
	})
}
