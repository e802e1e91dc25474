package sim

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/engine/kv"
	"tierlab/internal/rng"
	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// words are the contexts of a session as lists of tokens, built afresh from
// what the record says: the plain form of contexts.
type words struct {
	g        *workloads.Graph
	m        *agent.Machine
	prefixes map[string][]string
}

func (w *words) recorded(step int32) []string {
	n := &w.g.Steps[step]
	var kept []string
	if n.Base >= 0 {
		kept = w.recorded(n.Base)[:n.Keep]
	} else if n.Keep > 0 {
		kept = w.prefixes[n.Step.LLM.Context.From[1:]][:n.Keep]
	}
	return w.added(step, kept)
}

// added is what a step keeps, and its own tokens after it.
func (w *words) added(step int32, kept []string) []string {
	n := &w.g.Steps[step]
	out := slices.Clone(kept)
	for i := range n.Input - n.Keep {
		out = append(out, fmt.Sprint("new ", step, " ", i))
	}
	for i := range n.Output {
		out = append(out, fmt.Sprint("answer ", step, " ", i))
	}
	return out
}

// present is a step's context after compactions.
func (w *words) present(step int32) []string { return w.added(step, w.kept(step)) }

func (w *words) kept(step int32) []string {
	n := &w.g.Steps[step]
	cut, sum, own := w.m.Compaction(step)
	switch {
	case own:
		out := slices.Clone(w.recorded(step)[:min(n.PrefixTokens, n.Keep)])
		for i := len(out); i < sum; i++ {
			out = append(out, fmt.Sprint("summary ", step, " ", i))
		}
		return out
	case cut == 0:
		return w.recorded(step)[:n.Keep]
	}
	return w.present(n.Base)[:n.Keep-cut+sum]
}

// TestContexts plays random sessions whose contexts branch, reset and are
// compacted, and compares each call's content with the plain lists: the same
// lengths, and two contexts have a common prefix in content exactly as far as
// they have one in words.
func TestContexts(t *testing.T) {
	world := smallWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		g, prefixes, plain := drawSession(t)
		size := rapid.SampledFrom([]int{1, 3, 16}).Draw(t, "block")
		s := &session{graph: g, key: rng.New(1, 2)}
		p := runMachine(t, world, s, rapid.SampledFrom([]int{0, 40, 90}).Draw(t, "compact above"))
		c := contexts{size: size}
		c.reset(s, newPrefixes(prefixes))
		w := &words{g: g, m: &s.machine, prefixes: plain}
		seen := map[kv.Hash]string{}
		for step := range int32(len(g.Steps)) {
			if !p[step] {
				continue
			}
			prompt, _ := c.call(step)
			want := w.present(step)
			want = want[:len(want)-g.Steps[step].Output]
			if prompt.Len() != s.machine.EffectiveInput(step) || prompt.Len() != len(want) {
				t.Fatalf("step %d: %d tokens, the machine says %d, in words %d", step, prompt.Len(), s.machine.EffectiveInput(step), len(want))
			}
			for i, h := range prompt.Hashes(0, nil) {
				text := fmt.Sprint(want[:(i+1)*size])
				if before, ok := seen[h]; ok && before != text {
					t.Fatalf("step %d, block %d: one content for two texts\n%s\n%s", step, i, before, text)
				}
				seen[h] = text
			}
		}
		texts := map[string]kv.Hash{}
		for h, text := range seen {
			if other, ok := texts[text]; ok && other != h {
				t.Fatalf("two contents for one text: %s", text)
			}
			texts[text] = h
		}
	})
}

// drawSession is a session of up to ten steps over nested shared prefixes.
func drawSession(t *rapid.T) (*workloads.Graph, []workloads.Prefix, map[string][]string) {
	var defs workloads.Prefixes
	plain := map[string][]string{}
	for i, name := range []string{"system", "tools"} {
		x := workloads.Prefix{Name: name, Add: rapid.IntRange(0, 30).Draw(t, "prefix")}
		if i > 0 {
			x.From, x.Keep = "system", rapid.IntRange(0, len(plain["system"])).Draw(t, "nested")
			plain[name] = slices.Clone(plain["system"][:x.Keep])
		}
		for k := range x.Add {
			plain[name] = append(plain[name], fmt.Sprint(name, " ", k))
		}
		if err := defs.Add(x); err != nil {
			t.Fatal(err)
		}
	}
	var steps []workloads.Step
	var held []int
	for k := range rapid.IntRange(1, 10).Draw(t, "steps") {
		l := workloads.LLM{OutputTokens: rapid.IntRange(0, 20).Draw(t, "output"), Context: workloads.Context{Add: rapid.IntRange(1, 30).Draw(t, "add")}}
		step := workloads.Step{ID: fmt.Sprint("s", k)}
		switch base := rapid.IntRange(-2, k-1).Draw(t, "base"); {
		case base >= 0:
			l.Context.From, l.Context.Keep = fmt.Sprint("s", base), held[base]
			if rapid.Bool().Draw(t, "branches") {
				l.Context.Keep = rapid.IntRange(0, held[base]).Draw(t, "keep")
			}
		case base == -1:
			name := rapid.SampledFrom([]string{"system", "tools"}).Draw(t, "name")
			l.Context.From, l.Context.Keep = "@"+name, rapid.IntRange(0, len(plain[name])).Draw(t, "of prefix")
		}
		if k > 0 {
			step.After = []workloads.After{{Step: fmt.Sprint("s", k-1)}}
		}
		held = append(held, l.Context.Keep+l.Context.Add+l.OutputTokens)
		step.LLM = l
		steps = append(steps, step)
	}
	g, err := workloads.Compile(workloads.Session{ID: "x"}, steps, &defs)
	if err != nil {
		t.Fatal(err)
	}
	return g, defs.All(), plain
}

// runMachine plays a session to its end, each attempt answered at once, and
// says which steps have had their call.
func runMachine(t *rapid.T, w *topology.World, s *session, compactAbove int) map[int32]bool {
	cfg := agent.DefaultConfig()
	cfg.CompactAbove, cfg.CompactTo = compactAbove, min(compactAbove, 12)
	prog, err := agent.Prepare(s.graph, w)
	if err != nil {
		t.Fatal(err)
	}
	s.machine.Reset(&cfg, prog, s.key, 1, 0, 0)
	called := map[int32]bool{}
	effects := s.machine.Handle(0, &agent.Event{Kind: agent.Arrived}, nil)
	now := time.Duration(0)
	for len(effects) > 0 {
		e := effects[0]
		effects = effects[1:]
		now += time.Millisecond
		switch e.Kind {
		case agent.Route:
			effects = s.machine.Handle(now, &agent.Event{Kind: agent.Routed, Step: e.Step, Attempt: e.Attempt, Decision: &router.Decision{Target: router.Target{Site: 4, Model: 2}}}, effects)
		case agent.Start:
			if !s.machine.Compacting(e.Step) {
				called[e.Step] = true
			}
			effects = s.machine.Handle(now, &agent.Event{Kind: agent.AttemptDone, Step: e.Step, Attempt: e.Attempt, Status: workloads.StatusOK, Call: &agent.Call{}}, effects)
		case agent.SetTimer:
			if e.Timer == agent.Due {
				effects = s.machine.Handle(max(now, e.At), &agent.Event{Kind: agent.TimerFired, Timer: e.Timer, Step: e.Step, Attempt: e.Attempt}, effects)
			}
		case agent.Commit:
			effects = s.machine.Handle(now, &agent.Event{Kind: agent.Committed, Step: e.Step, Attempt: e.Attempt}, effects)
		}
	}
	if len(called) == 0 {
		t.Fatal("no step had its call")
	}
	return called
}
