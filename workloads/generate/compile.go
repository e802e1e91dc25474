package generate

import (
	"fmt"
	"math"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"

	"tierlab/internal/rng"
)

// population is a checked profile with its laws worked out.
type population struct {
	profile                                 *Profile
	gap                                     inverse
	steps, turn, think                      *Law
	first, user, result, compactAt, summary *Law
	output                                  *Law
	calls, time, argument                   *Law
	width, agentSteps, taskTokens           *Law
	usd, deadline                           *Law
	kinds                                   []kind
	middle, ending, agent                   [2]choice // of kinds, frontier then simple
	tools                                   choice
	toolTimes                               []distuv.LogNormal
	prefixes                                map[string]prefix
	tenants, origins                        choice
	originNames                             []string
}

// kind is a Kind with its laws.
type kind struct {
	*Kind
	output, document *Law
}

// prefix is a Prefix with the length of its whole chain and the weights of
// its copies.
type prefix struct {
	*Prefix
	tokens int
	copies choice
}

// choice draws an index by weight. The zero choice is empty.
type choice struct {
	index []int
	upTo  []float64
}

func (c *choice) add(index int, weight float64) {
	sum := weight
	if n := len(c.upTo); n > 0 {
		sum += c.upTo[n-1]
	}
	c.index, c.upTo = append(c.index, index), append(c.upTo, sum)
}

func (c *choice) draw(s rng.Stream) int {
	u := s.Uniform() * c.upTo[len(c.upTo)-1]
	return c.index[min(sort.SearchFloat64s(c.upTo, u), len(c.index)-1)]
}

// harmonic weighs the k-th of n by 1/k.
func harmonic(n int) choice {
	var c choice
	for k := range n {
		c.add(k, 1/float64(k+1))
	}
	return c
}

func compile(p *Profile) (*population, error) {
	m := &population{profile: p, prefixes: map[string]prefix{}}
	if p.Name == "" || p.Doc == "" {
		return nil, fmt.Errorf("name and doc must be given")
	}
	for _, part := range []func(*Profile) error{m.laws, m.addPrefixes, m.addKinds, m.addTools, m.addPeople, m.checkReferences} {
		if err := part(p); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// laws works out the profile's distributions.
func (m *population) laws(p *Profile) error {
	gap, err := p.Arrivals.law()
	if err != nil {
		return err
	}
	m.gap = gap
	spawns := p.Agents.Probability > 0
	for _, l := range []struct {
		field  string
		spec   Dist
		needed bool
		into   **Law
	}{
		{"turns.steps_per_session", p.Turns.StepsPerSession, true, &m.steps},
		{"turns.steps_per_turn", p.Turns.StepsPerTurn, true, &m.turn},
		{"turns.think_s", p.Turns.ThinkS, false, &m.think},
		{"context.first_tokens", p.Context.FirstTokens, true, &m.first},
		{"context.user_tokens", p.Context.UserTokens, m.think != nil || p.Turns.ThinkS.Given(), &m.user},
		{"context.step_tokens", p.Context.StepTokens, p.Tools.Calls.Given(), &m.result},
		{"context.compact_at_tokens", p.Context.CompactAt, false, &m.compactAt},
		{"context.summary_tokens", p.Context.SummaryTokens, p.Context.CompactAt.Given(), &m.summary},
		{"output_tokens", p.OutputTokens, true, &m.output},
		{"tools.calls", p.Tools.Calls, len(p.Tools.Names) > 0, &m.calls},
		{"tools.time_s", p.Tools.TimeS, len(p.Tools.Names) > 0, &m.time},
		{"tools.argument_bytes", p.Tools.ArgumentBytes, false, &m.argument},
		{"agents.width", p.Agents.Width, spawns, &m.width},
		{"agents.steps", p.Agents.Steps, spawns, &m.agentSteps},
		{"agents.task_tokens", p.Agents.TaskTokens, spawns, &m.taskTokens},
		{"budget.usd", p.Budget.USD, false, &m.usd},
		{"budget.deadline_s", p.Budget.DeadlineS, false, &m.deadline},
	} {
		if !l.spec.Given() && !l.needed {
			continue
		}
		law, err := l.spec.Law()
		if err != nil {
			return fmt.Errorf("%s: %w", l.field, err)
		}
		*l.into = law
	}
	return checkShares(p)
}

func checkShares(p *Profile) error {
	for _, s := range []struct {
		field string
		value float64
	}{
		{"simple_share", p.SimpleShare}, {"agents.probability", p.Agents.Probability}, {"agents.resume", p.Agents.Resume},
		{"tools.error_share", p.Tools.ErrorShare}, {"private.sessions", p.Private.Sessions},
		{"private.asides", p.Private.Asides}, {"budget.share", p.Budget.Share},
	} {
		if !(s.value >= 0 && s.value <= 1) {
			return fmt.Errorf("%s: %v must be in [0, 1]", s.field, s.value)
		}
	}
	if p.Budget.Steps < 0 || p.Budget.Tokens < 0 || p.Tools.ResultPerTok < 0 {
		return fmt.Errorf("budget.steps, budget.tokens and tools.result_bytes_per_token must not be negative")
	}
	return nil
}

func (m *population) addPrefixes(p *Profile) error {
	for i := range p.Prefixes {
		x := &p.Prefixes[i]
		_, dup := m.prefixes[x.Name]
		from, known := m.prefixes[x.From]
		switch {
		case x.Name == "" || dup:
			return fmt.Errorf("prefixes[%d]: name %q must be given and unique", i, x.Name)
		case x.AddTokens <= 0 || x.Copies < 0:
			return fmt.Errorf("prefixes[%d]: add_tokens must be above 0, copies not below", i)
		case x.From != "" && !known:
			return fmt.Errorf("prefixes[%d]: from names %q, which stands nowhere above", i, x.From)
		case known && from.Copies > 1:
			return fmt.Errorf("prefixes[%d]: from names %q, which has copies; only the last of a chain may", i, x.From)
		}
		m.prefixes[x.Name] = prefix{x, from.tokens + x.AddTokens, harmonic(max(1, x.Copies))}
	}
	return nil
}

func (m *population) addKinds(p *Profile) error {
	for i := range p.Kinds {
		k := kind{Kind: &p.Kinds[i]}
		if err := k.compile(); err != nil {
			return fmt.Errorf("kinds[%d] (%s): %w", i, k.Name, err)
		}
		m.kinds = append(m.kinds, k)
		class := 0
		if k.Simple {
			class = 1
		}
		switch k.Role {
		case RoleLoop:
			m.middle[class].add(i, k.Weight)
			m.agent[class].add(i, k.Weight)
		case RoleAside:
			m.middle[class].add(i, k.Weight)
		case RoleAnswer:
			m.ending[class].add(i, k.Weight)
		}
	}
	// A class without a kind for some place would change the simple share.
	oneStep := p.Turns.StepsPerTurn.Family == Constant && p.Turns.StepsPerTurn.Value == 1
	for class, share := range []float64{1 - p.SimpleShare, p.SimpleShare} {
		name := [2]string{"frontier", "simple"}[class]
		switch {
		case share == 0:
		case len(m.ending[class].index) == 0:
			return fmt.Errorf("kinds: no %s kind has role answer", name)
		case len(m.agent[class].index) == 0 && !oneStep:
			return fmt.Errorf("kinds: no %s kind has role loop", name)
		}
	}
	return nil
}

func (k *kind) compile() (err error) {
	if k.Name == "" || !(k.Weight > 0) || k.LatencyBudgetS < 0 {
		return fmt.Errorf("name must be given, weight above 0, latency_budget_s not below 0")
	}
	if k.Role != RoleLoop && k.Role != RoleAnswer && k.Role != RoleAside {
		return fmt.Errorf("role %q is not loop, answer or aside", k.Role)
	}
	if (k.Role == RoleAside) != k.DocumentTokens.Given() || k.Role != RoleAside && k.Prefix != "" {
		return fmt.Errorf("an aside needs document_tokens; no other role has them or a prefix")
	}
	if k.OutputTokens.Given() {
		if k.output, err = k.OutputTokens.Law(); err != nil {
			return fmt.Errorf("output_tokens: %w", err)
		}
	}
	if k.DocumentTokens.Given() {
		if k.document, err = k.DocumentTokens.Law(); err != nil {
			return fmt.Errorf("document_tokens: %w", err)
		}
	}
	return nil
}

func (m *population) addTools(p *Profile) error {
	timed := 0
	for i, t := range p.Tools.Names {
		if t.Name == "" || !(t.Weight > 0) {
			return fmt.Errorf("tools.names[%d]: name must be given and weight above 0", i)
		}
		m.tools.add(i, t.Weight)
		if t.P50S == 0 && t.P90S == 0 {
			continue
		}
		if !(t.P50S > 0 && t.P90S > t.P50S) {
			return fmt.Errorf("tools.names[%d] (%s): p50_s must be above 0 and below p90_s", i, t.Name)
		}
		timed++
		m.toolTimes = append(m.toolTimes, distuv.LogNormal{Mu: math.Log(t.P50S), Sigma: math.Log(t.P90S/t.P50S) / z90})
	}
	if timed != 0 && timed != len(p.Tools.Names) {
		return fmt.Errorf("tools.names: either all have p50_s and p90_s, or none")
	}
	return nil
}

func (m *population) addPeople(p *Profile) error {
	if p.Tenants.Count < 0 {
		return fmt.Errorf("tenants.count must not be negative")
	}
	m.tenants = harmonic(p.Tenants.Count)
	for name := range p.Origins {
		m.originNames = append(m.originNames, name)
	}
	sort.Strings(m.originNames)
	for i, name := range m.originNames {
		if !(p.Origins[name] > 0) {
			return fmt.Errorf("origins[%s]: the weight must be above 0", name)
		}
		m.origins.add(i, p.Origins[name])
	}
	return nil
}

func (m *population) checkReferences(p *Profile) error {
	names := map[string]string{"context.prefix": p.Context.Prefix, "agents.prefix": p.Agents.Prefix}
	for i, k := range p.Kinds {
		names[fmt.Sprintf("kinds[%d].prefix", i)] = k.Prefix
		for _, t := range k.Tasks {
			if _, err := fill(t, p.Words, 0); err != nil {
				return fmt.Errorf("kinds[%d] (%s): %w", i, k.Name, err)
			}
		}
	}
	fields := make([]string, 0, len(names))
	for f := range names {
		fields = append(fields, f)
	}
	sort.Strings(fields)
	for _, f := range fields {
		if _, ok := m.prefixes[names[f]]; !ok && names[f] != "" {
			return fmt.Errorf("%s names %q, which is not one of prefixes", f, names[f])
		}
	}
	sources := map[string]bool{}
	for _, s := range p.Sources {
		sources[s.ID] = true
	}
	for i, x := range p.Published {
		if !sources[x.Source] || !(x.Within > 0) {
			return fmt.Errorf("published[%d] (%s): source must be the id of one of sources, and within above 0", i, x.Figure)
		}
	}
	return nil
}
