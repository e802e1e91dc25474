package gateway

import (
	"github.com/prometheus/client_golang/prometheus"

	"tierlab/engine"
	"tierlab/engine/backend"
)

// engineFigures shows an engine's own counters at each scrape.
type engineFigures struct {
	engine  Engine
	figures []figure
}

// figure is one metric and how it is read.
type figure struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(engine.Stats) float64
}

// watch adds an engine's figures to the metrics.
func (m *Metrics) watch(e Engine, model string) {
	caps := e.Caps()
	add := func(kind prometheus.ValueType, name, help string, read func(engine.Stats) float64) figure {
		return figure{prometheus.NewDesc(name, help, nil, prometheus.Labels{"model_name": model}), kind, read}
	}
	const gauge, counter = prometheus.GaugeValue, prometheus.CounterValue
	m.registry.MustRegister(&engineFigures{e, []figure{
		add(gauge, "vllm:num_requests_running", "Requests in the running batch.",
			func(s engine.Stats) float64 { return float64(s.Sched.Running) }),
		add(gauge, "vllm:num_requests_waiting", "Requests in the queue.",
			func(s engine.Stats) float64 { return float64(s.Sched.Waiting) }),
		add(gauge, "vllm:kv_cache_usage_perc", "Share of the key-value memory that running requests hold, at most; 1 is all.",
			func(s engine.Stats) float64 { return m.usage(s, caps) }),
		add(counter, "vllm:prefix_cache_queries_total", "Prompt tokens that were looked up in the cache.",
			func(s engine.Stats) float64 { return float64(s.Prompt) }),
		add(counter, "vllm:prefix_cache_hits_total", "Prompt tokens that were found in the cache.",
			func(s engine.Stats) float64 { return float64(s.Cached) }),
		add(counter, "vllm:num_preemptions_total", "Sequences that lost their memory to others.",
			func(s engine.Stats) float64 { return float64(s.Sched.Preempted) }),
		add(counter, "vllm:prompt_tokens_total", "Prompt tokens of requests that have started.",
			func(s engine.Stats) float64 { return float64(s.Prompt) }),
		add(counter, "vllm:generation_tokens_total", "Output tokens.",
			func(s engine.Stats) float64 { return float64(s.Sched.Produced) }),
		add(counter, "tierlab_computed_tokens_total", "Tokens whose keys and values were computed.",
			func(s engine.Stats) float64 { return float64(s.Sched.Computed) }),
		add(counter, "tierlab_requests_refused_total", "Requests that met a full queue.",
			func(s engine.Stats) float64 { return float64(s.Sched.Refused) }),
		add(counter, "tierlab_backend_busy_seconds_total", "Time in which the backend computed.",
			func(s engine.Stats) float64 { return s.Busy.Seconds() }),
		add(gauge, "tierlab_kv_retained_blocks", "Blocks that are kept over tool calls.",
			func(s engine.Stats) float64 { return float64(s.Cache.Charge) }),
	}})
}

// usage bounds the share of the memory that running requests hold, without a
// walk over their blocks: they hold no more than their contexts would take if
// they shared nothing, and no more than is referenced, to which cached contexts
// that could be evicted add all their blocks but the last.
func (m *Metrics) usage(s engine.Stats, caps backend.Caps) float64 {
	if s.Sched.Running == 0 {
		return 0
	}
	unshared := float64(m.contexts()) / float64(caps.Blocks*caps.BlockTokens)
	return min(unshared, float64(s.Cache.Referenced)/float64(caps.Blocks))
}

// Describe is prometheus.Collector's.
func (f *engineFigures) Describe(ch chan<- *prometheus.Desc) {
	for _, m := range f.figures {
		ch <- m.desc
	}
}

// Collect is prometheus.Collector's: all figures are of one moment.
func (f *engineFigures) Collect(ch chan<- prometheus.Metric) {
	stats := f.engine.Stats()
	for _, m := range f.figures {
		ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.read(stats))
	}
}
