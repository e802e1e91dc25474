package generate

import (
	"fmt"
	"math"
	"time"

	"tierlab/internal/rng"
	"tierlab/workloads"
)

// what a draw of a session or of one of its steps decides. The numbers are
// part of every generated workload: add at the end.
const (
	whatSteps uint64 = iota
	whatTurn
	whatThink
	whatClass
	whatKind
	whatAdd
	whatOutput
	whatCompactAt
	whatSummary
	whatCalls
	whatTime
	whatTool
	whatFailed
	whatArgument
	whatSpawn
	whatWidth
	whatAgentSteps
	whatAgentTask
	whatResume
	whatPrefix
	whatPrivate
	whatTenant
	whatOrigin
	whatBudget
	whatUSD
	whatDeadline
	whatTask
	whatDifficulty
	whatUser
	whatArrival
	whatPart
)

// compactInstruction is what a compaction adds to the context that it sums
// up, in tokens.
const compactInstruction = 200

// line is a chain of contexts: the context that the next step keeps, and its
// tokens, answer included.
type line struct {
	from   string
	tokens int
}

// draft is a session in the making.
type draft struct {
	m     *population
	key   rng.Stream
	steps []workloads.Step
	left  int // steps that the session may still have
	main  line
	// pending are the tokens that the session's next own step adds.
	pending   int
	compactAt int
	// after are the edges of the next step; joins are the steps whose
	// sub-agents still work.
	after []workloads.After
	joins []string
}

// draw is the stream for one decision about the session's i-th step.
func (d *draft) draw(i int, what uint64) rng.Stream { return d.key.Fold(uint64(i)).Fold(what) }

// session makes the session that key names.
func (m *population) session(key rng.Stream) (workloads.Session, []workloads.Step) {
	d := &draft{m: m, key: key}
	d.left = max(1, m.steps.Count(d.draw(0, whatSteps)))
	d.main = d.startLine(m.profile.Context.Prefix)
	d.drawCompactAt(0)
	for d.left > 0 {
		d.turn()
	}
	return d.describe(), d.steps
}

// startLine begins a chain of contexts at a shared prefix. A session's copy of
// a prefix does not change over its life.
func (d *draft) startLine(name string) line {
	if name == "" {
		return line{}
	}
	p := d.m.prefixes[name]
	k := p.copies.draw(d.key.Fold(whatPrefix).FoldString(name))
	return line{"@" + p.copyName(d.m.profile.Name, k), p.tokens}
}

func (p *prefix) copyName(profile string, k int) string {
	if p.Copies > 1 {
		return fmt.Sprintf("%s/%s-%d", profile, p.Name, k+1)
	}
	return profile + "/" + p.Name
}

// turn makes the steps from one word of the user to the answer.
func (d *draft) turn() {
	i := len(d.steps)
	if i == 0 {
		d.pending = d.m.first.Count(d.draw(i, whatAdd))
	} else {
		d.after = append(d.after, workloads.After{Step: d.last(), On: workloads.OnToolsDone})
		if d.m.think != nil {
			a := &d.after[len(d.after)-1]
			a.Delay, a.Cause = seconds(d.m.think.Draw(d.draw(i, whatThink))), workloads.CauseHuman
			d.pending = d.m.user.Count(d.draw(i, whatUser))
		}
	}
	for rest := max(1, d.m.turn.Count(d.draw(i, whatTurn))); rest > 0 && d.left > 0; rest-- {
		last := rest == 1 || d.left == 1
		if last {
			for _, id := range d.joins {
				d.after = append(d.after, workloads.After{Step: id, On: workloads.OnToolsDone})
			}
			d.joins = nil
		}
		d.step(last, rest-1)
	}
}

func (d *draft) last() string { return d.steps[len(d.steps)-1].ID }

// step makes the session's next own step; rest are those that follow in its
// turn.
func (d *draft) step(answer bool, rest int) {
	k := d.kind(answer, false)
	if k.Role == RoleAside {
		d.aside(k)
		return
	}
	needed := 2 // this step and the answer
	if answer {
		needed = 1
	}
	if prompt := d.main.tokens + d.pending; d.compactAt > 0 && prompt > d.compactAt && len(d.steps) > 0 && (d.left > needed || d.m.profile.Context.Truncate) {
		d.compact()
	}
	i := len(d.steps)
	s := d.make(k, fmt.Sprintf("s%d", i+1), d.main, d.pending)
	s.After, d.after = d.after, nil
	d.main, d.pending = line{s.ID, s.LLM.Context.Tokens() + s.LLM.OutputTokens}, 0
	d.left--
	if answer {
		d.steps = append(d.steps, s)
		return
	}
	if d.delegate(&s, rest) {
		return
	}
	d.pending = d.call(&s, i)
	d.steps = append(d.steps, s)
	d.follow(s.ID, workloads.OnToolsDone)
}

// follow makes the next step wait for a moment of the given one.
func (d *draft) follow(id string, on workloads.On) {
	d.after = []workloads.After{{Step: id, On: on}}
}

// kind draws the kind of the next step: first whether it is simple, so that
// the simple share holds wherever the step stands, then which.
func (d *draft) kind(answer, agent bool) *kind {
	i, from := len(d.steps), &d.m.middle
	switch {
	case answer:
		from = &d.m.ending
	case agent:
		from = &d.m.agent
	}
	class := 0
	if d.draw(i, whatClass).Bool(d.m.profile.SimpleShare) {
		class = 1
	}
	return &d.m.kinds[from[class].draw(d.draw(i, whatKind))]
}

// make fills in a step of kind k that continues a line.
func (d *draft) make(k *kind, id string, from line, add int) workloads.Step {
	i, p := len(d.steps), d.m.profile
	output := d.m.output
	if k.output != nil {
		output = k.output
	}
	s := workloads.Step{ID: id, LLM: workloads.LLM{
		Kind: k.Name, Modality: k.Modality, LatencyBudget: seconds(k.LatencyBudgetS),
		OutputTokens: max(1, output.Count(d.draw(i, whatOutput))),
		Context:      workloads.Context{From: from.from, Keep: from.tokens, Add: max(1, add)},
	}}
	if n := len(k.Tasks); n > 0 {
		key := d.draw(i, whatTask)
		// The slots were checked with the profile.
		s.LLM.Task, _ = fill(k.Tasks[key.IntN(n)], p.Words, key)
	}
	if k.Difficulty != nil {
		x := k.Difficulty.Mean + k.Difficulty.SD*d.draw(i, whatDifficulty).Normal()
		x = math.Round(x*1000) / 1000
		s.LLM.Difficulty = &x
	}
	return s
}

// aside makes a step beside the session's own line, whose answer the line's
// next step reads.
func (d *draft) aside(k *kind) {
	i := len(d.steps)
	s := d.make(k, fmt.Sprintf("s%d", i+1), d.startLine(k.Prefix), k.document.Count(d.draw(i, whatAdd)))
	s.PII = d.draw(i, whatPrivate).Bool(d.m.profile.Private.Asides)
	s.After = d.after
	d.pending += s.LLM.OutputTokens
	d.left--
	d.steps = append(d.steps, s)
	d.follow(s.ID, workloads.OnToolsDone)
}

// drawCompactAt draws the longest prompt until the next fresh start; 0 is any.
func (d *draft) drawCompactAt(i int) {
	if d.m.compactAt == nil {
		return
	}
	if d.compactAt = d.m.compactAt.Count(d.draw(i, whatCompactAt)); d.compactAt == 0 {
		d.compactAt = d.m.profile.Context.MaxTokens
	}
}

// compact makes a step that sums the line up, and starts the line afresh. It
// takes over what the next step waits for. Truncation makes no step.
func (d *draft) compact() {
	i := len(d.steps)
	summary := max(1, d.m.summary.Count(d.draw(i, whatSummary)))
	if d.m.profile.Context.Truncate {
		d.pending = min(summary, d.main.tokens+d.pending)
		d.main = d.startLine(d.m.profile.Context.Prefix)
		d.drawCompactAt(i)
		return
	}
	d.steps = append(d.steps, workloads.Step{ID: fmt.Sprintf("s%d", i+1), After: d.after, LLM: workloads.LLM{
		Kind: "compact", Task: "Summarize the conversation so far, so that the work can go on from the summary.",
		OutputTokens: summary,
		Context:      workloads.Context{From: d.main.from, Keep: d.main.tokens, Add: compactInstruction},
	}})
	d.left--
	d.follow(d.last(), workloads.OnToolsDone)
	d.main = d.startLine(d.m.profile.Context.Prefix)
	d.pending = summary + min(d.pending, d.compactAt/2)
}

// describe makes the session's line; the caller gives id and arrival.
func (d *draft) describe() workloads.Session {
	p := d.m.profile
	s := workloads.Session{Labels: map[string]string{"profile": p.Name}}
	if p.Tenants.Count > 0 {
		s.Tenant = fmt.Sprintf("tenant-%d", d.m.tenants.draw(d.draw(0, whatTenant))+1)
	}
	if len(d.m.originNames) > 0 {
		s.Origin = d.m.originNames[d.m.origins.draw(d.draw(0, whatOrigin))]
	}
	if d.draw(0, whatPrivate).Fold(1).Bool(p.Private.Sessions) {
		s.Data = &workloads.DataRules{PII: true}
	}
	if d.draw(0, whatBudget).Bool(p.Budget.Share) {
		s.Budget = d.budget()
	}
	return s
}

func (d *draft) budget() *workloads.Budget {
	p, b := d.m.profile.Budget, new(workloads.Budget)
	tokens := 0
	for i := range d.steps {
		tokens += d.steps[i].LLM.Context.Tokens() + d.steps[i].LLM.OutputTokens
	}
	b.Steps = int(math.Ceil(p.Steps * float64(len(d.steps))))
	b.Tokens = int(math.Ceil(p.Tokens * float64(tokens)))
	if d.m.usd != nil {
		b.USD = math.Round(d.m.usd.Draw(d.draw(0, whatUSD))*1e4) / 1e4
	}
	if d.m.deadline != nil {
		b.Deadline = seconds(d.m.deadline.Draw(d.draw(0, whatDeadline)))
	}
	return b
}

// seconds rounds to the millisecond, the resolution of generated times.
func seconds(x float64) workloads.Millis {
	return workloads.Millis(time.Duration(math.Round(x*1000)) * time.Millisecond)
}
