package sim

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// Scenario is a workload in a world: what all points of a sweep share. It is
// immutable.
type Scenario struct {
	World   *topology.World
	Library *workloads.Library

	table    *router.Table
	programs []*agent.Program
	order    []int32 // sessions by recorded arrival
	origins  map[string]topology.OriginID
	facts    *facts
	// maxOutput is the workload's longest answer, in tokens.
	maxOutput int
	// longestTool is the workload's longest tool call.
	longestTool time.Duration
}

// NewScenario readies a workload for a world. It is an error when a session's
// origin is not in the world, when a step pins a model that the world does not
// have, and when no site of the world may and can serve a step.
func NewScenario(w *topology.World, lib *workloads.Library) (*Scenario, error) {
	if len(lib.Sessions) == 0 {
		return nil, fmt.Errorf("workload %q has no session", lib.Header.Name)
	}
	if len(w.Origins) == 0 {
		return nil, fmt.Errorf("topology %q has no origin: sessions need users", w.Name)
	}
	s := &Scenario{
		World: w, Library: lib, table: router.NewTable(w),
		programs: make([]*agent.Program, len(lib.Sessions)),
		origins:  make(map[string]topology.OriginID, len(w.Origins)),
		facts:    newFacts(w, lib),
	}
	for i := range w.Origins {
		s.origins[w.Origins[i].Name] = topology.OriginID(i)
	}
	for i, g := range lib.Sessions {
		prog, err := agent.Prepare(g, w)
		if err != nil {
			return nil, fmt.Errorf("workload %q: %w", lib.Header.Name, err)
		}
		s.programs[i] = prog
		for k := range g.Steps {
			s.maxOutput = max(s.maxOutput, g.Steps[k].Output)
			for t := range g.Steps[k].Step.Tools {
				s.longestTool = max(s.longestTool, g.Steps[k].Step.Tools[t].Duration.D())
			}
		}
		if err := s.check(g); err != nil {
			return nil, fmt.Errorf("workload %q: session %q: %w", lib.Header.Name, g.Session.ID, err)
		}
	}
	if lib.Recorded {
		s.order = make([]int32, len(lib.Sessions))
		for i := range s.order {
			s.order[i] = int32(i)
		}
		slices.SortStableFunc(s.order, func(a, b int32) int {
			return cmp.Compare(*lib.Sessions[a].Session.Arrival, *lib.Sessions[b].Session.Arrival)
		})
	}
	return s, nil
}

// check says why a session cannot be replayed in the world.
func (s *Scenario) check(g *workloads.Graph) error {
	if g.Session.Origin != "" {
		if _, ok := s.origins[g.Session.Origin]; !ok {
			return fmt.Errorf("origin %q is not one of topology %q's %d origins, such as %q: replay it in a topology that has it, or leave origin out to have one drawn",
				g.Session.Origin, s.World.Name, len(s.origins), s.World.Origins[0].Name)
		}
	}
	if d := g.Session.Data; d != nil && (router.HomePolicy{}).PlaceFor(s.World, 0, d) == topology.None {
		return fmt.Errorf("no site of topology %q may hold the session (private %t, residency %v)", s.World.Name, d.PII, d.Residency)
	}
	for i := range g.Steps {
		n := &g.Steps[i]
		if !s.servable(g, n) {
			l := &n.Step.LLM
			return fmt.Errorf("step %q: no site of topology %q can serve it (modality %q, %d prompt tokens, pin %q, private %t, residency %v): add a model or a site that can, or select other sessions",
				n.Step.ID, s.World.Name, modality(l), n.Input, l.Pin, private(g, n), residency(g))
		}
	}
	return nil
}

// servable says whether some deployment may and can serve a step.
func (s *Scenario) servable(g *workloads.Graph, n *workloads.Node) bool {
	l := &n.Step.LLM
	for si := range s.World.Sites {
		site := &s.World.Sites[si]
		if private(g, n) && site.Tier != topology.Device {
			continue
		}
		if r := residency(g); len(r) > 0 && !slices.Contains(r, site.Region) && site.Tier != topology.Device {
			continue
		}
		for _, d := range site.Deployments {
			m := &s.World.Models[d.Model]
			if (l.Pin == "" || l.Pin == m.Name) && slices.Contains(m.Modalities, modality(l)) && n.Input < m.ContextTokens {
				return true
			}
		}
	}
	return false
}

func modality(l *workloads.LLM) string { return cmp.Or(l.Modality, "text") }

func private(g *workloads.Graph, n *workloads.Node) bool {
	return n.Step.PII || g.Session.Data != nil && g.Session.Data.PII
}

func residency(g *workloads.Graph) []string {
	if g.Session.Data == nil {
		return nil
	}
	return g.Session.Data.Residency
}

// recordedAt is when arrival i of a recorded load is due.
func (s *Scenario) recordedAt(i int) time.Duration {
	return s.Library.Sessions[s.order[i]].Session.Arrival.D()
}
