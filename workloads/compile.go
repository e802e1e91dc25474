package workloads

import (
	"fmt"
	"strings"

	"tierlab/internal/rng"
)

// Compile checks a session as a whole and resolves it to numbers. The steps
// may stand in any order; prefixes hold what their contexts refer to and may
// be nil. The Graph points into steps. The error is an *Error.
func Compile(session Session, steps []Step, prefixes *Prefixes) (*Graph, error) {
	g, err := compile(session, steps, prefixes)
	if err != nil {
		return nil, err
	}
	return g, nil
}

func compile(session Session, steps []Step, prefixes *Prefixes) (*Graph, *Error) {
	if err := session.check(); err != nil {
		return nil, err.in(KindSession, session.ID)
	}
	for i := range steps {
		if err := steps[i].check(prefixes); err != nil {
			return nil, err.at(i, steps[i].ID)
		}
	}
	return compileChecked(session, steps)
}

// compileChecked compiles what has passed the checks that need no context.
func compileChecked(session Session, steps []Step) (*Graph, *Error) {
	if len(steps) == 0 {
		return nil, fault("", "at least one", "the session has no step").in(KindSession, session.ID)
	}
	l, err := link(steps)
	if err != nil {
		return nil, err
	}
	order, err := l.order()
	if err != nil {
		return nil, err
	}
	g := &Graph{Session: session, Steps: make([]Node, len(steps))}
	number := make([]int32, len(steps))
	for n, i := range order {
		number[i] = int32(n)
	}
	for n, i := range order {
		g.Steps[n] = l.node(i, number)
		g.Tools += len(steps[i].Tools)
	}
	p := placing{Graph: g, spawned: make([]int32, len(steps)), continued: make([]bool, len(steps))}
	for n, i := range order {
		if err := p.place(int32(n)); err != nil {
			return nil, err.at(i, steps[i].ID)
		}
	}
	return g, nil
}

// node translates step i's names to the numbers of the topological order.
func (l *links) node(i int, number []int32) Node {
	s := &l.steps[i]
	nd := Node{Step: s, Input: s.LLM.Context.Tokens(), Output: s.LLM.OutputTokens,
		Base: -1, Keep: s.LLM.Context.Keep, Owner: -1, OwnerTool: -1}
	for _, a := range s.After {
		e := Edge{From: -1, On: OnStart, Delay: a.Delay, Cause: a.Cause}
		if a.Step != "" {
			e.From, e.On = number[l.index[a.Step]], a.On.moment()
		}
		nd.Wait = append(nd.Wait, e)
	}
	if len(nd.Wait) == 0 {
		nd.Wait = []Edge{{From: -1, On: OnStart}}
	}
	if b := l.base[i]; b >= 0 {
		nd.Base = number[b]
	}
	if o := l.owner[i]; o.step >= 0 {
		nd.Owner, nd.OwnerTool = number[o.step], int32(o.tool)
	}
	return nd
}

// placing is a Graph whose steps are being completed in their order.
type placing struct {
	*Graph
	spawned   []int32 // the greatest depth among the steps that a step spawned
	continued []bool  // a later step is on the step's line
}

// place fills in what follows from the steps before number n: successors,
// depth, shared prefix and line.
func (g *placing) place(n int32) *Error {
	nd := &g.Steps[n]
	root := true
	for _, e := range nd.Wait {
		if e.From < 0 {
			continue
		}
		root = false
		from := &g.Steps[e.From]
		if k := len(from.Next); k == 0 || from.Next[k-1] != n {
			from.Next = append(from.Next, n)
		}
		nd.Depth = max(nd.Depth, from.Depth+1)
		if e.On == OnToolsDone {
			nd.Depth = max(nd.Depth, g.spawned[e.From]+1)
		}
	}
	if root {
		g.Roots = append(g.Roots, n)
	}
	for o := nd.Owner; o >= 0; o = g.Steps[o].Owner {
		g.spawned[o] = max(g.spawned[o], nd.Depth)
	}
	return g.placeContext(n)
}

func (g *placing) placeContext(n int32) *Error {
	nd := &g.Steps[n]
	if name, ok := strings.CutPrefix(nd.Step.LLM.Context.From, "@"); ok {
		nd.Prefix, nd.PrefixTokens = rng.Name(name), nd.Keep
	}
	if nd.Base < 0 {
		nd.Line = g.newLine()
		return nil
	}
	base := &g.Steps[nd.Base]
	if held := base.Input + base.Output; nd.Keep > held {
		return fault("llm.context.keep", "", "%d tokens, but step %q holds %d (prompt %d, output %d)",
			nd.Keep, base.Step.ID, held, base.Input, base.Output)
	}
	if err := g.checkPrivate(n); err != nil {
		return err
	}
	if nd.PrefixTokens = min(nd.Keep, base.PrefixTokens); nd.PrefixTokens > 0 {
		nd.Prefix = base.Prefix
	}
	if nd.Keep >= base.Input && !g.continued[nd.Base] {
		g.continued[nd.Base], nd.Line = true, base.Line
	} else {
		nd.Line = g.newLine()
	}
	return nil
}

// checkPrivate refuses a step that may leave the device and whose prompt holds
// tokens that may not: those that a private step added or answered.
func (g *placing) checkPrivate(n int32) *Error {
	nd := &g.Steps[n]
	if nd.Step.PII || g.Session.Data != nil && g.Session.Data.PII {
		return nil
	}
	for b := nd.Base; b >= 0; b = g.Steps[b].Base {
		base := &g.Steps[b]
		if nd.Keep <= base.Keep {
			continue // all of it is from further back
		}
		if base.Step.PII {
			return fault("llm.context.keep", fmt.Sprintf("at most %d, which is what step %q itself kept, or pii: true", base.Keep, base.Step.ID),
				"%d tokens include those of step %q, which is private", nd.Keep, base.Step.ID)
		}
		return nil // what the base kept was checked when it was placed
	}
	return nil
}

func (g *placing) newLine() int32 {
	g.Lines++
	return g.Lines - 1
}

// links are a session's steps with their names resolved to positions.
type links struct {
	steps []Step
	index map[string]int
	base  []int // whose context a step keeps, or -1
	owner []ownership
}

type ownership struct{ step, tool int }

func link(steps []Step) (*links, *Error) {
	l := &links{steps: steps, index: make(map[string]int, len(steps)),
		base: make([]int, len(steps)), owner: make([]ownership, len(steps))}
	for i := range steps {
		if _, dup := l.index[steps[i].ID]; dup {
			return nil, fault("id", "each step of a session once", "the session has this step already").at(i, steps[i].ID)
		}
		l.index[steps[i].ID] = i
		l.base[i], l.owner[i] = -1, ownership{-1, -1}
	}
	for i := range steps {
		if err := l.resolve(i); err != nil {
			return nil, err.at(i, steps[i].ID)
		}
	}
	for i := range steps {
		if err := l.checkSpawned(i); err != nil {
			return nil, err.at(i, steps[i].ID)
		}
	}
	return l, nil
}

func (l *links) resolve(i int) *Error {
	s := &l.steps[i]
	for k, a := range s.After {
		if _, ok := l.index[a.Step]; !ok && a.Step != "" {
			return l.unknown(fmt.Sprintf("after[%d].step", k), a.Step)
		}
	}
	if from := s.LLM.Context.From; from != "" && from[0] != '@' {
		b, ok := l.index[from]
		if !ok {
			return l.unknown("llm.context.from", from)
		}
		l.base[i] = b
	}
	for t := range s.Tools {
		for k, id := range s.Tools[t].Spawn {
			field := fmt.Sprintf("tools[%d].spawn[%d]", t, k)
			j, ok := l.index[id]
			if !ok {
				return l.unknown(field, id)
			}
			if o := l.owner[j]; o.step >= 0 {
				return fault(field, "each step is spawned once", "step %q is spawned by tools[%d] of step %q already",
					id, o.tool, l.steps[o.step].ID)
			}
			l.owner[j] = ownership{i, t}
		}
	}
	return nil
}

func (l *links) unknown(field, id string) *Error {
	return fault(field, didYouMean(id, func(yield func(string) bool) {
		for i := range l.steps {
			if !yield(l.steps[i].ID) {
				return
			}
		}
	}), "%q is not a step of this session", id)
}

// checkSpawned makes sure that a spawned step cannot start before the call
// that spawns it.
func (l *links) checkSpawned(i int) *Error {
	o := l.owner[i]
	if o.step < 0 {
		return nil
	}
	for _, a := range l.steps[i].After {
		if a.Step == "" {
			continue
		}
		j := l.index[a.Step]
		if j == o.step && a.On == OnLLMDone || l.below(j, o) {
			return nil
		}
	}
	return fault("after", fmt.Sprintf("wait for %q on llm_done, or for a step that the same call spawns", l.steps[o.step].ID),
		"the step is spawned by step %q but does not wait for it", l.steps[o.step].ID)
}

// below says whether a tool call spawns step j, or a step that leads to it by
// spawning.
func (l *links) below(j int, call ownership) bool {
	for range l.steps {
		switch l.owner[j] {
		case call:
			return true
		case ownership{-1, -1}:
			return false
		}
		j = l.owner[j].step
	}
	return false // they spawn each other; the cycle is found later
}
