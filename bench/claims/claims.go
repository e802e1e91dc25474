package claims

import (
	"context"
	"encoding/json"
)

// Claim is a row of the list: a part to build (P) or a figure (C).
type Claim struct {
	ID string
	// Text is the claim in short.
	Text string
	run  func(context.Context, *Lab, *Finding) error
}

// Finding is what was found about a claim.
type Finding struct {
	ID      string  `json:"id"`
	Claim   string  `json:"claim"`
	Verdict Verdict `json:"verdict"`
	// Where completes "holds where" and "waits for".
	Where string `json:"where,omitempty"`
	// Says is the finding in a sentence or two; How says how it was come by.
	Says   string  `json:"says"`
	How    string  `json:"how"`
	Checks []Check `json:"checks,omitempty"`
	Tables []Table `json:"tables,omitempty"`
}

// Table is a sweep's result.
type Table struct {
	Title string   `json:"title"`
	Head  []string `json:"head"`
	Rows  [][]Cell `json:"rows"`
	Note  string   `json:"note,omitempty"`
}

// Cell is text, or a figure and its text.
type Cell struct {
	Text   string
	figure *Estimate
}

// MarshalJSON writes a figure as text, mean and half width, and text as text.
func (c Cell) MarshalJSON() ([]byte, error) {
	if c.figure == nil {
		return json.Marshal(c.Text)
	}
	return json.Marshal(struct {
		Text   string   `json:"text"`
		Figure Estimate `json:"figure"`
	}{c.Text, *c.figure})
}

func word(s string) Cell { return Cell{Text: s} }

// figure is a cell with a number; the unit stands in the column's head.
func figure(e Estimate) Cell { return Cell{Text: e.text(""), figure: &e} }

// plain is figure without the interval in its text.
func plain(e Estimate) Cell { return Cell{Text: exactly(e.Mean).text(""), figure: &e} }

func number(x float64) Cell { return figure(exactly(x)) }

func (t *Table) row(cells ...Cell) { t.Rows = append(t.Rows, cells) }

// check adds a statement held to a criterion.
func (f *Finding) check(c Check) { f.Checks = append(f.Checks, c) }

// All lists the claims in order.
func All() []Claim {
	return append(parts(), figures()...)
}

func figures() []Claim {
	return []Claim{
		{"C1", "30 calls at 200 ms make 6 s, at 300 ms 9 s; 25 at 20 ms and 5 at 300 ms \"1.5 s\"; 30 at 200-500 ms \"minutes\"", sums},
		{"C2", "device < 1 ms, metro 10-50, regional 50-150, central 200-500 ms, for round trips and for completions", bands},
		{"C3", "3 hops and 10-50 ms against 15-20 hops and 200-500 ms from South-East Asia; 300+ sites within 50 ms of users", reach},
		{"C4", "20-50 tool calls per task", callCounts},
		{"C5", "70-80 % of agent queries need no frontier model", easyShare},
		{"C6", "all-central is slow and dear, all-edge fails at complex tasks, routed wins", placements},
		{"C7", "an isolate starts in < 1 ms, containers in 100 ms to 30 s", starts},
		{"C8", "session state in single-digit ms from any edge location in the region", stateTimes},
		waiting("C9", "an engine 7 % above vLLM 0.10.0, and stable where vLLM's latency spikes", "a run on a GPU",
			"Nothing is measured here; the simulator's sites follow a roofline of published accelerator figures."),
		{"C10", "egress costs nothing, against $0.02-0.12 (AWS), 0.005-0.12 (Azure), 0.01-0.12 (GCP) per GB", egress},
		{"C11", "step pricing is more predictable than token pricing; neurons are cheaper for I/O-bound agents", bills},
		{"C12", "two heuristics: more than 5 steps of history to the centre; keywords choose tier and model", heuristics},
		waiting("C13", "four questions choose the platform", "tierlab advise",
			"P16 answers for the built-in workloads already, by simulation."),
		{"C14", "state, tools and orchestration in the runtime beat an external store, a central place, a separate service", inRuntime},
		waiting("C15", "people find 500 ms instant and 2 s fine; agents differ", "objectives on one engine",
			"Chat and agent workloads exist (chat-sharegpt, coding-agent), and so does an engine to run them on."),
		{"C16", "strong consistency costs latency over a distributed edge", consistency},
	}
}

// Find is the claim with an ID.
func Find(id string) (Claim, bool) {
	for _, c := range All() {
		if c.ID == id {
			return c, true
		}
	}
	return Claim{}, false
}

// Check finds out about the claim.
func (c Claim) Check(ctx context.Context, l *Lab) (Finding, error) {
	f := Finding{ID: c.ID, Claim: c.Text}
	err := c.run(ctx, l, &f)
	return f, err
}
