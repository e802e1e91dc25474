package claims

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"tierlab/reference/router"
	"tierlab/reference/topology"
)

// waiting is a claim that nothing can be found out about yet. what completes
// "waits for"; now says which part of it exists.
func waiting(id, text, what, now string) Claim {
	return partly(id, text, what, func(context.Context, *Lab, *Finding) (string, error) { return now, nil })
}

// partly is waiting where now is found out.
func partly(id, text, what string, now func(context.Context, *Lab, *Finding) (string, error)) Claim {
	return Claim{id, text, func(ctx context.Context, l *Lab, f *Finding) (err error) {
		f.Verdict, f.Where = Waits, what
		f.Says, err = now(ctx, l, f)
		return err
	}}
}

// parts are the rows P1 to P16.
func parts() []Claim {
	return []Claim{
		partly("P1", "AI gateway: picks model, site and tier by complexity, latency budget, cost and history", "sites that really serve",
			func(context.Context, *Lab, *Finding) (string, error) {
				return fmt.Sprintf("Its decisions exist: %d built-in policies behind hard rules, the same objects for the simulator and for live sessions (tierlab agent run), whose sites are so far only names and prices.", len(router.Catalogue())), nil
			}),
		waiting("P2", "orchestrator: decomposes a task into a graph of sub-tasks and runs it", "the orchestrator",
			"Recorded graphs of steps, with sub-agents that run beside their parent, are replayed in simulation and by live sessions; nothing decomposes a task."),
		{"P3", "tool registry and execution, in a sandbox next to the session or the data", registry},
		{"P4", "durable session state: consistent actors that migrate and hibernate", durable},
		waiting("P5", "memory: embeddings and nearest-neighbour recall beside the session", "the memory",
			"Nothing of it exists."),
		partly("P6", "model hub: text, vision, audio, embedding, image; one workflow chains them", "models of more than text", modalities),
		{"P7", "reliable actions from unreliable models: validation, retry, fallback, idempotent tool calls", reliable},
		waiting("P8", "inference engine: paged KV, continuous batching, kernels compiled at run time", "a run on a GPU",
			"Paged keys and values and continuous batching run on processors (tierlab engine), and simulated sites schedule with the same code (engine fidelity). The CUDA backend is there; nothing of it is measured here."),
		partly("P9", "tiers: device, metro, regional, central, 300+ sites, automatic routing", "sites that really serve", tiers),
		{"P10", "sandbox: isolates for untrusted code, thousands of short-lived starts in a burst", isolates},
		{"P11", "session and step pricing: steps, compute time, tokens, neurons, egress", pricing},
		{"P12", "tunable consistency: strong against fast, per session", tunable},
		{"P13", "observability: why step 7 of 20 failed; a full audit trail", audit},
		{"P14", "budgets and kill switches stop a loop before it costs", budgets},
		{"P15", "security: a compromised agent harms nothing beside itself; private data never leaves the device", security},
		{"P16", "the same workload on an edge platform, three hyperscaler-like ones and one with limited edge zones: the edge fits it", platforms},
	}
}

// modalities counts what the edge topology's sites serve.
func modalities(_ context.Context, l *Lab, f *Finding) (string, error) {
	w, err := l.world(l.Edge)
	if err != nil {
		return "", err
	}
	var kinds []string
	models := 0
	for i := range w.Models {
		if m := &w.Models[i]; len(w.ServingSites(m.ID)) > 0 {
			models++
			kinds = append(kinds, m.Modalities...)
		}
	}
	kinds = distinct(kinds)
	slices.Sort(kinds)
	f.How = "read off the topology"
	return fmt.Sprintf("The sites of %s serve %d modelled models (%s). Live calls are of text.", w.Name, models, strings.Join(kinds, ", ")), nil
}

// tiers counts the edge topology's sites.
func tiers(_ context.Context, l *Lab, f *Finding) (string, error) {
	w, err := l.world(l.Edge)
	if err != nil {
		return "", err
	}
	var list []string
	for t := topology.Device; t < topology.Tiers; t++ {
		list = append(list, fmt.Sprintf("%d %s", len(w.SitesIn(t)), t))
	}
	f.How = "read off the topology"
	return fmt.Sprintf("Simulated: %s has sites %s, connections that are kept open, and response caches.", w.Name, strings.Join(list, ", ")), nil
}
