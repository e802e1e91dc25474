package generate

import (
	"fmt"
	"strings"

	"tierlab/internal/rng"
)

// fill replaces each {slot} of a task's text by one of the slot's words; the
// k-th slot of a text has a draw of its own.
func fill(text string, words map[string][]string, s rng.Stream) (string, error) {
	var b strings.Builder
	for slot := uint64(0); ; slot++ {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || len(words[name]) == 0 {
			return "", fmt.Errorf("task %q: {%s} is not a slot with words", text, name)
		}
		b.WriteString(words[name][s.Fold(slot).IntN(len(words[name]))])
		text = after
	}
}
