package serving

import (
	"flag"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite sharegpt.csv")

// TestLengths: the list is what makeLengths draws, to a token, and has the means
// and bounds of its source; -rewrite writes it anew.
func TestLengths(t *testing.T) {
	drawn := makeLengths()
	if *rewrite {
		var b strings.Builder
		for _, l := range drawn {
			fmt.Fprintf(&b, "%d,%d\n", l.Prompt, l.Output)
		}
		if err := os.WriteFile("sharegpt.csv", []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	list, err := ShareGPT()
	if err != nil || len(list) != listLength {
		t.Fatalf("%d lengths, %v", len(list), err)
	}
	var prompts, outputs float64
	for i, l := range list {
		prompts, outputs = prompts+float64(l.Prompt), outputs+float64(l.Output)
		if d := drawn[i]; max(l.Prompt-d.Prompt, d.Prompt-l.Prompt, l.Output-d.Output, d.Output-l.Output) > 1 {
			t.Fatalf("line %d has %v, the draw is %v: go test ./bench/serving -run Lengths -rewrite", i+1, l, d)
		}
		if l.Prompt < leastTokens || l.Prompt > mostPrompt || l.Output < leastTokens || l.Prompt+l.Output > mostTogether {
			t.Errorf("line %d: %v is out of bounds", i+1, l)
		}
	}
	if p, o := prompts/listLength, outputs/listLength; math.Abs(p-promptMean) > 0.5 || math.Abs(o-outputMean) > 0.5 {
		t.Errorf("means %.1f and %.1f", p, o)
	}
	if got := (Lengths{217, 3}).scaled(0.1); got != (Lengths{22, 1}) {
		t.Errorf("a tenth: %v", got)
	}
}
