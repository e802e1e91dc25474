package workloads

// Graph is one session compiled for replay: steps by number in a topological
// order, edges in both directions, prompts resolved to lengths. It is
// immutable and shared by every replay of the session.
type Graph struct {
	Session Session
	Steps   []Node
	// Roots are the steps that wait for nothing but the session's arrival.
	Roots []int32
	// Tools counts the tool calls of all steps.
	Tools int
	// Lines counts the lines that Node.Line numbers.
	Lines int32
}

// Node is one step of a Graph.
type Node struct {
	Step *Step
	// Wait are the step's incoming edges, at least one; an edge from the
	// session's arrival has From = -1 and On = OnStart. On is never empty.
	Wait []Edge
	// Next are the steps with an edge from this one, each once, ascending.
	Next []int32
	// Input is the prompt's length and Output the answer's, in tokens.
	Input, Output int
	// Base is the step whose context this one keeps Keep tokens of, or -1.
	Base int32
	Keep int
	// Prefix is rng.Name of the shared prefix at the root of this step's
	// chain of contexts (0: none); the prompt starts with PrefixTokens of its
	// tokens.
	Prefix       uint64
	PrefixTokens int
	// Line numbers the chains of contexts within the session: a step that
	// keeps all of its base's prompt and is the first to do so stays on its
	// base's line; one that branches or resets starts a new one. An engine
	// that only estimates reuse keys it by session and line.
	Line int32
	// Owner and OwnerTool are the step and the tool call whose spawn list
	// holds this step (-1: none).
	Owner, OwnerTool int32
	// Depth is the number of steps on the longest path that leads here, 0 for
	// a root. A path through the end of a call that spawned steps passes
	// through those steps.
	Depth int32
}

// Edge is an After whose step is a number.
type Edge struct {
	From  int32
	On    On
	Delay Millis
	Cause Cause
}

// Library holds the compiled sessions of one workload: what a simulation
// resamples from.
type Library struct {
	Header   Header
	Prefixes []Prefix
	Sessions []*Graph
	// Digest is the SHA-256 of the workload's bytes, in hex.
	Digest string
	// Recorded says that every session has an arrival.
	Recorded bool
}

// ForUser says whether a step's answer goes to a person: nothing in the session
// waits for it, or what does waits for a person.
func (g *Graph) ForUser(step int32) bool {
	n := &g.Steps[step]
	if len(n.Next) == 0 {
		return n.Owner < 0
	}
	for _, next := range n.Next {
		for _, e := range g.Steps[next].Wait {
			if e.From == step && e.Cause == CauseHuman {
				return true
			}
		}
	}
	return false
}
