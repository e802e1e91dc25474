package generate

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tierlab/workloads"
)

// Fit reads a recording to its end and states a profile whose sessions have
// its statistics, with the goodness of each fitted law. Memory grows with the
// number of steps.
//
// What a recording does not say is left out or, where a profile must say it,
// assumed and named in the profile's source note. Task texts are not copied.
// Step kinds that the recording does not state become "other".
func Fit(r *workloads.Reader, name string) (*Profile, []GoodnessOfFit, error) {
	h, err := r.Header()
	if err != nil {
		return nil, nil, err
	}
	rec := newRecording()
	for t, err := range r.Sessions() {
		if err != nil {
			return nil, nil, err
		}
		rec.add(t)
	}
	if len(rec.steps) == 0 {
		return nil, nil, errors.New("fit: the recording has no steps")
	}
	f := &fitter{rec: rec, profile: &Profile{Name: name, Doc: "fitted to " + h.Name}}
	f.session()
	f.toolCalls()
	f.agents()
	f.kinds()
	f.population()
	f.profile.Sources = []Source{{ID: "recording", Title: h.Name + ": " + h.Provenance.Source, License: h.Provenance.License,
		Note: fmt.Sprintf("fitted by maximum likelihood to %d sessions, %d steps%s", rec.sessions, len(rec.output)+rec.asides, f.assumed)}}
	if f.err != nil {
		return nil, nil, fmt.Errorf("fit: %w", f.err)
	}
	if _, err := compile(f.profile); err != nil {
		return nil, nil, fmt.Errorf("fit: the profile does not hold: %w", err)
	}
	return f.profile, f.fits, nil
}

// fitter builds the profile; the first error stays.
type fitter struct {
	rec     *recording
	profile *Profile
	fits    []GoodnessOfFit
	assumed string
	err     error
}

// law fits one quantity; nothing observed leaves it out.
func (f *fitter) law(quantity string, values []float64, whole bool) Dist {
	if len(values) == 0 || f.err != nil {
		return Dist{}
	}
	g, err := choose(quantity, values, whole)
	if err != nil {
		f.err = err
		return Dist{}
	}
	f.fits = append(f.fits, g)
	return g.Dist
}

func (f *fitter) assume(what string) { f.assumed += "; assumed: " + what }

// constantly is a law for what a profile must state and a recording does not.
func (f *fitter) constantly(d *Dist, value float64, what string) {
	if !d.Given() {
		*d = Dist{Family: Constant, Value: value}
		f.assume(what)
	}
}

func (f *fitter) session() {
	p, r := f.profile, f.rec
	p.Turns.StepsPerSession = f.law("turns.steps_per_session", r.steps, true)
	p.Turns.StepsPerTurn = f.law("turns.steps_per_turn", r.turn, true)
	if r.turns > 0 {
		p.Turns.StepsPerTurn.stretch(float64(len(r.turn)) / float64(r.turns))
	}
	p.Turns.ThinkS = f.law("turns.think_s", r.think, false)
	p.Context.FirstTokens = f.law("context.first_tokens", r.first, true)
	p.Context.UserTokens = f.law("context.user_tokens", r.user, true)
	p.Context.StepTokens = f.law("context.step_tokens", r.result, true)
	p.OutputTokens = f.law("output_tokens", r.output, true)
	if p.Turns.ThinkS.Given() {
		f.constantly(&p.Context.UserTokens, 100, "user_tokens 100")
	}
	f.compaction()
	p.Context.Prefix = f.prefix("session", "system")
}

// compaction fits when contexts start afresh. Where no step writes a summary
// they are taken as truncated: of all stretches of a context, which begin with
// a session or a fresh start, those that no fresh start ends have the share
// zero of the law.
func (f *fitter) compaction() {
	c, r := &f.profile.Context, f.rec
	if len(r.compactAt) == 0 || len(r.summary) == 0 {
		return
	}
	c.CompactAt = f.law("context.compact_at_tokens", r.compactAt, true)
	c.SummaryTokens = f.law("context.summary_tokens", r.summary, true)
	if r.compactions > 0 || len(r.first) == 0 {
		return
	}
	c.Truncate, c.MaxTokens = true, r.longest
	c.CompactAt.Zero = round(float64(len(r.first)) / float64(len(r.first)+len(r.compactAt)))
	f.assume("contexts that start afresh are truncated, since no step sums them up")
}

// stretch multiplies a law of turns by a factor, shift apart. A generated
// session ends in the middle of a turn, which shortens its turns: with T turns
// of which C are followed by another one, lengths that end by chance have the
// mean (sum of lengths)/C rather than /T, so the factor is T/C.
func (d *Dist) stretch(by float64) {
	d.P50, d.P90, d.Mean = round(d.P50*by), round(d.P90*by), round(d.Mean*by)
	d.Max = math.Ceil(d.Max * by)
}

// prefix states one shared prefix for a use, in as many copies as names were
// seen.
func (f *fitter) prefix(use, name string) string {
	tokens := f.rec.tokens[use]
	if len(tokens) == 0 {
		return ""
	}
	middle := observe(tokens, true).quantile(0.5)
	if middle < 1 {
		return ""
	}
	x := Prefix{Name: name, AddTokens: int(middle)}
	if n := len(f.rec.prefixes[use]); n > 1 {
		x.Copies = min(n, 100)
	}
	f.profile.Prefixes = append(f.profile.Prefixes, x)
	return name
}

// leastTimed is how many durations give a tool a law of its own.
const leastTimed = 20

func (f *fitter) toolCalls() {
	p, r := f.profile, f.rec
	t := &p.Tools
	switch {
	case r.toolCalls > 0 && len(r.time) > 0:
		t.TimeS = f.law("tools.time_s", r.time, false)
	case len(r.gap) > 0:
		t.TimeS = f.law("tools.time_s", r.gap, false)
		f.assume("tool and client time, which the recording does not separate, is one tool call's")
	default:
		return
	}
	if r.toolCalls > 0 {
		t.Calls = f.law("tools.calls", r.calls, true)
		t.ErrorShare = round(float64(r.failed) / float64(r.toolCalls))
		t.ArgumentBytes = f.law("tools.argument_bytes", r.argument, true)
	} else {
		t.Calls = Dist{Family: Constant, Value: 1}
		r.toolList, r.tools = []string{"tool"}, map[string][]float64{"tool": nil}
	}
	f.constantly(&p.Context.StepTokens, 500, "step_tokens 500")
	if r.resultTokens > 0 {
		t.ResultPerTok = round(r.bytesOut / r.resultTokens)
	}
	f.toolNames()
}

// toolNames gives each tool its own law where all have enough durations.
func (f *fitter) toolNames() {
	r, t := f.rec, &f.profile.Tools
	slices.Sort(r.toolList)
	own := true
	for _, name := range r.toolList {
		x := Tool{Name: name, Weight: max(1, float64(len(r.tools[name])))}
		timed := slices.DeleteFunc(slices.Clone(r.tools[name]), func(s float64) bool { return s <= 0 })
		if len(timed) >= leastTimed {
			mu, sigma := observe(timed, false).logNormalMLE()
			x.P50S, x.P90S = round(math.Exp(mu)), round(math.Exp(mu+z90*sigma))
		}
		own = own && x.P50S > 0 && x.P90S > x.P50S
		t.Names = append(t.Names, x)
	}
	for i := range t.Names {
		if !own {
			t.Names[i].P50S, t.Names[i].P90S = 0, 0
		}
	}
}

func (f *fitter) agents() {
	p, r := f.profile, f.rec
	if r.spawning == 0 || len(r.taskTokens) == 0 {
		return
	}
	p.Agents = SubAgents{
		Probability: round(float64(r.spawning) / float64(r.loops)),
		Width:       f.law("agents.width", r.width, true),
		Steps:       f.law("agents.steps", r.agentSteps, true),
		TaskTokens:  f.law("agents.task_tokens", r.taskTokens, true),
		Prefix:      f.prefix("agent", "worker"),
	}
}

// kinds states the kinds by role, and the simple share over all of them.
func (f *fitter) kinds() {
	p, r := f.profile, f.rec
	var simple, all int
	for _, key := range r.order {
		k := r.kinds[key]
		x := Kind{Name: key.kind, Role: key.role, Simple: simpleKinds[key.kind], Weight: float64(k.n)}
		if key.role == RoleAside {
			label := "kinds." + key.kind
			x.OutputTokens = f.law(label+".output_tokens", k.output, true)
			x.DocumentTokens = f.law(label+".document_tokens", k.document, true)
		}
		all += k.n
		if x.Simple {
			simple += k.n
		}
		p.Kinds = append(p.Kinds, x)
	}
	p.SimpleShare = round(float64(simple) / float64(all))
	for _, class := range []bool{false, true} {
		if share := p.SimpleShare; class && share > 0 || !class && share < 1 {
			p.complete(class)
		}
	}
	if r.asides > 0 {
		p.Private.Asides = round(float64(r.privateAsides) / float64(r.asides))
	}
}

// complete gives a class that lacks a kind for one of the two places the kind
// of the other place, so that the simple share can hold everywhere.
func (p *Profile) complete(simple bool) {
	for _, role := range []Role{RoleLoop, RoleAnswer} {
		at := slices.IndexFunc(p.Kinds, func(k Kind) bool { return k.Simple == simple && k.Role == role })
		if at >= 0 {
			continue
		}
		name := "other"
		if i := slices.IndexFunc(p.Kinds, func(k Kind) bool { return k.Simple == simple }); i >= 0 {
			name = p.Kinds[i].Name
		}
		p.Kinds = append(p.Kinds, Kind{Name: name, Role: role, Simple: simple, Weight: 1})
	}
}

// population states arrivals, tenants and privacy.
func (f *fitter) population() {
	p, r := f.profile, f.rec
	p.Arrivals = Arrivals{PerSecond: 0.1, CV: 1}
	if gaps := r.gaps(); len(gaps) > 1 {
		o := observe(gaps, false)
		mean, sd := o.moments()
		p.Arrivals = Arrivals{PerSecond: round(1 / mean), CV: round(sd / mean)}
		if o.min() > 0 {
			p.Arrivals.CV = round(1 / math.Sqrt(o.gammaShape()))
		}
		if g, ok := o.assess(candidate{Dist{Family: Gamma, Mean: 1 / p.Arrivals.PerSecond, CV: p.Arrivals.CV}, 2}); ok {
			g.Quantity = "arrivals"
			f.fits = append(f.fits, g)
		}
	} else {
		f.assume("arrivals 0.1 a second with cv 1")
	}
	p.Tenants.Count = len(r.tenants)
	p.Private.Sessions = round(float64(r.private) / float64(r.sessions))
}

// gaps are the times between arrivals; nothing where all arrive at once.
func (r *recording) gaps() []float64 {
	at := slices.Sorted(slices.Values(r.arrivals))
	if len(at) < 3 || at[0] == at[len(at)-1] {
		return nil
	}
	gaps := make([]float64, 0, len(at)-1)
	for i := 1; i < len(at); i++ {
		gaps = append(gaps, at[i]-at[i-1])
	}
	return gaps
}
