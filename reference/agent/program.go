package agent

import (
	"fmt"
	"strings"
	"time"

	"tierlab/reference/topology"
	"tierlab/workloads"
)

// Program is a session's graph made ready for Machines in one world: names
// resolved, edges by number. It is immutable and shared.
type Program struct {
	graph *workloads.Graph
	world *topology.World
	nodes []node
	// edges holds, step by step, the steps' incoming edges.
	edges []edge
	// fires holds, moment by moment, the numbers of the edges that a moment
	// sets off; arrival those that the session's arrival does.
	fires, arrival []int32
	// free are the steps without any edge.
	free []int32
	// spawned is, by tool call of the session, how many steps it spawns.
	spawned []int32
}

type node struct {
	edges   int32    // how many edges it waits for
	fires   [4]int32 // moment m sets off Program.fires[fires[m]:fires[m+1]]
	tool    int32    // its first tool call among the session's
	tools   int32
	pin     topology.ModelID
	message int32 // messages in its context
	shown   bool  // its answer is for a person
}

type edge struct {
	from, to int32
	on       moment
	cause    workloads.Cause
	delay    time.Duration
}

// moment is an On by number.
type moment uint8

const (
	atStart moment = iota
	atLLMDone
	atToolsDone
)

// Prepare readies a graph for a world. A step that pins a model that the
// world has not is an error, and so is a tool call that spawns no step.
func Prepare(g *workloads.Graph, w *topology.World) (*Program, error) {
	p := &Program{graph: g, world: w, nodes: make([]node, len(g.Steps))}
	for i := range g.Steps {
		if err := p.prepareStep(int32(i)); err != nil {
			return nil, fmt.Errorf("session %q: step %q: %w", g.Session.ID, g.Steps[i].Step.ID, err)
		}
	}
	for i := range g.Steps {
		if o := g.Steps[i].Owner; o >= 0 {
			p.spawned[p.nodes[o].tool+g.Steps[i].OwnerTool]++
		}
	}
	for i := range g.Steps {
		for t := range g.Steps[i].Step.Tools {
			if len(g.Steps[i].Step.Tools[t].Spawn) > 0 && p.spawned[p.nodes[i].tool+int32(t)] == 0 {
				return nil, fmt.Errorf("session %q: step %q: tools[%d].spawn: no listed step is owned by this call",
					g.Session.ID, g.Steps[i].Step.ID, t)
			}
		}
	}
	p.linkEdges()
	return p, nil
}

func (p *Program) prepareStep(i int32) error {
	from := &p.graph.Steps[i]
	n := &p.nodes[i]
	n.pin = topology.None
	if name := from.Step.LLM.Pin; name != "" {
		if n.pin = modelNamed(p.world, name); n.pin == topology.None {
			return fmt.Errorf("llm.pin names model %q, which topology %q does not have (it has %s)",
				name, p.world.Name, modelNames(p.world))
		}
	}
	n.message = p.messages(from)
	n.tool, n.tools = int32(len(p.spawned)), int32(len(from.Step.Tools))
	n.shown = p.graph.ForUser(i)
	for range from.Step.Tools {
		p.spawned = append(p.spawned, 0)
	}
	n.edges = int32(len(from.Wait))
	if n.edges == 0 {
		p.free = append(p.free, i)
	}
	for _, w := range from.Wait {
		e := edge{from: w.From, to: i, on: atToolsDone, cause: w.Cause, delay: w.Delay.D()}
		switch w.On {
		case workloads.OnStart:
			e.on = atStart
		case workloads.OnLLMDone:
			e.on = atLLMDone
		}
		p.edges = append(p.edges, e)
	}
	return nil
}

// messages estimates how many chat messages a context of kept tokens stands
// for: a first prompt is one message and a shared prefix one more; a later
// prompt is its base's messages, the base's answer, and one message for each
// tool result (or one, from the user). A context that keeps only part of its
// base's prompt keeps its messages in proportion.
func (p *Program) messages(n *workloads.Node) int32 {
	if n.Base < 0 {
		if n.PrefixTokens > 0 {
			return 2
		}
		return 1
	}
	base := &p.graph.Steps[n.Base]
	had := p.nodes[n.Base].message
	if n.Keep < base.Input {
		return int32((int64(had)*int64(n.Keep)+int64(base.Input)-1)/int64(base.Input)) + 1
	}
	return had + 1 + max(1, int32(len(base.Step.Tools)))
}

// linkEdges sorts the edges by the moment that sets them off (a counting sort,
// so that edges of one moment keep the order of their steps).
func (p *Program) linkEdges() {
	const moments = 3
	first := make([]int32, len(p.nodes)*moments+1)
	for i := range p.edges {
		if e := &p.edges[i]; e.from >= 0 {
			first[int(e.from)*moments+int(e.on)+1]++
		} else {
			p.arrival = append(p.arrival, int32(i))
		}
	}
	for i := 1; i < len(first); i++ {
		first[i] += first[i-1]
	}
	for i := range p.nodes {
		copy(p.nodes[i].fires[:], first[i*moments:i*moments+moments+1])
	}
	p.fires = make([]int32, len(p.edges)-len(p.arrival))
	for i := range p.edges {
		if e := &p.edges[i]; e.from >= 0 {
			at := &first[int(e.from)*moments+int(e.on)]
			p.fires[*at] = int32(i)
			*at++
		}
	}
}

// Graph is the graph that p was prepared from.
func (p *Program) Graph() *workloads.Graph { return p.graph }

// World is the world that p was prepared for.
func (p *Program) World() *topology.World { return p.world }

func modelNamed(w *topology.World, name string) topology.ModelID {
	for i := range w.Models {
		if w.Models[i].Name == name {
			return topology.ModelID(i)
		}
	}
	return topology.None
}

func modelNames(w *topology.World) string {
	names := make([]string, len(w.Models))
	for i := range w.Models {
		names[i] = w.Models[i].Name
	}
	return strings.Join(names, ", ")
}
