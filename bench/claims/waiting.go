package claims

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tierlab/reference/router"
	"tierlab/reference/topology"
	"tierlab/workloads"
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
		partly("P1", "AI gateway: picks model, site and tier by complexity, latency budget, cost and history", "the live gateway",
			func(context.Context, *Lab, *Finding) (string, error) {
				return fmt.Sprintf("Its decisions exist: %d built-in policies behind hard rules, the same objects that the simulator runs.", len(router.Catalogue())), nil
			}),
		waiting("P2", "orchestrator: decomposes a task into a graph of sub-tasks and runs it", "the orchestrator",
			"Graphs of steps with sub-agents that run beside their parent are replayed in simulation."),
		{"P3", "tool registry and execution, in a sandbox next to the session or the data", registry},
		{"P4", "durable session state: consistent actors that migrate and hibernate", durable},
		waiting("P5", "memory: embeddings and nearest-neighbour recall beside the session", "the memory",
			"Nothing of it exists."),
		partly("P6", "model hub: text, vision, audio, embedding, image; one workflow chains them", "the hub", modalities),
		partly("P7", "reliable actions from unreliable models: validation, retry, fallback, idempotent tool calls", "the live gateway and tools", reliable),
		waiting("P8", "inference engine: paged KV, continuous batching, kernels compiled at run time", "the CUDA backend",
			"Paged keys and values and continuous batching run on processors (tierlab engine), and simulated sites schedule with the same code (engine fidelity)."),
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
	return fmt.Sprintf("The sites of %s serve %d modelled models (%s).", w.Name, models, strings.Join(kinds, ", ")), nil
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

// everyPolicyUnderFaults runs every policy once in the edge world with faults, and remembers
// the results.
func (l *Lab) everyPolicyUnderFaults(ctx context.Context) ([]*result, error) {
	if l.faulty != nil {
		return l.faulty, nil
	}
	w, err := l.world(l.Edge)
	if err != nil {
		return nil, err
	}
	lib, err := l.embedded()
	if err != nil {
		return nil, err
	}
	var policies []string
	for _, e := range router.Catalogue() {
		policies = append(policies, e.Name)
	}
	broken := changed(w, func(w *topology.World) { w.Faults = failing(w) })
	l.faulty, err = l.play(ctx, setting{world: broken, library: lib, once: true}, policies...)
	return l.faulty, err
}

// failing takes every third site but the devices down for a minute of every
// ten, with probability a half.
func failing(w *topology.World) []topology.Fault {
	var list []topology.Fault
	for s := range w.Sites {
		if w.Sites[s].Tier == topology.Device || s%3 != 0 {
			continue
		}
		list = append(list, topology.Fault{
			Site: topology.SiteID(s), Start: time.Duration(s%10) * time.Minute, Length: time.Minute, Every: 10 * time.Minute,
			Probability: 0.5, Down: true, Slow: 1,
		})
	}
	return list
}

// underFaults words how the points of P7 and P15 were made.
func (l *Lab) underFaults(f *Finding, results []*result) {
	f.How = fmt.Sprintf("simulated: embedded on %s, all %d policies, every third site down for a minute of ten half of the times, %d sessions each",
		l.Edge, len(results), l.Sessions)
}

// reliable counts what retries and fallbacks did.
func reliable(ctx context.Context, l *Lab, f *Finding) (string, error) {
	results, err := l.everyPolicyUnderFaults(ctx)
	if err != nil {
		return "", err
	}
	l.underFaults(f, results)
	attempts, repeated, failed, sessions, ok := 0, 0, 0, 0, 0
	for _, r := range results {
		for _, m := range r.reps {
			attempts, repeated, failed = attempts+m.attempts, repeated+m.repeated, failed+m.failed+m.refused
			sessions, ok = sessions+len(m.sessions), ok+m.ended[workloads.StatusOK]
		}
	}
	return fmt.Sprintf("Validation, retry with backoff, fallback and escalation are decided by the session machine and run in simulation: under faults %d of %d attempts failed or were refused, %d were repeats, and %.1f %% of %d sessions came to their end.",
		failed, attempts, repeated, 100*float64(ok)/float64(max(1, sessions)), sessions), nil
}
