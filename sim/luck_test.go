package sim

import (
	"fmt"
	"testing"

	"tierlab/workloads"
)

// TestPoliciesMeetTheSameLuck: an attempt of the same number at the same step on
// the same model is right or wrong under every policy, a tool takes as long, and
// a user's first round trip meets the same jitter.
func TestPoliciesMeetTheSameLuck(t *testing.T) { // INV-10
	luck, compared := map[string]any{}, 0
	note := func(what string, v any, policy string) {
		if before, ok := luck[what]; ok {
			if compared++; before != v {
				t.Fatalf("%s: %s is %v, under another policy %v", policy, what, v, before)
			}
		}
		luck[what] = v
	}
	for _, policy := range []string{"static-central", "random", "cascade", "hedged"} {
		b, _ := play(t, smallPoint(t, policy, withFault))
		arrived := map[string]workloads.Millis{}
		for _, o := range b.sessions {
			arrived[o.Session] = o.Start
		}
		for _, o := range b.steps {
			at := o.Session + "/" + o.Step
			if begun, ok := arrived[o.Session]; ok && o.Step == "t0" {
				note("first round trip of "+o.Session, o.Start-begun, policy)
			}
			for i, a := range o.Attempts {
				if a.Correct != nil {
					note(fmt.Sprintf("attempt %d at %s on %s", i+1, at, a.Model), *a.Correct, policy)
				}
			}
		}
	}
	if compared < 500 {
		t.Fatalf("only %d draws were met twice", compared)
	}
}
