package gateway

import (
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"tierlab/engine"
	"tierlab/engine/sched"
)

// Metrics are what /metrics shows. Names beginning with vllm: mean what they
// mean in vLLM 0.9 and later (vllm/v1/metrics/loggers.py), buckets included, so
// that its dashboards work here; ours begin with tierlab_. It is an
// engine.Observer: it is made before the engine, which reports to it. Several
// engines each report to a Replica of it.
type Metrics struct {
	registry *prometheus.Registry

	tokensPerIteration prometheus.Histogram
	iterationTime      prometheus.Histogram
	promptTokens       prometheus.Histogram
	outputTokens       prometheus.Histogram
	maxTokens          prometheus.Histogram
	choices            prometheus.Histogram
	firstToken         prometheus.Histogram
	betweenTokens      prometheus.Histogram
	perToken           prometheus.Histogram
	endToEnd           prometheus.Histogram
	queue              prometheus.Histogram
	inference          prometheus.Histogram
	prefill            prometheus.Histogram
	decode             prometheus.Histogram

	context  atomic.Int64 // tokens of the contexts in the latest iteration
	replicas []*replicaMetrics

	finished  *prometheus.CounterVec
	responses *prometheus.CounterVec
}

// NewMetrics makes the metrics of one model, whose contexts have at most
// that many tokens. The registry is the metrics' own.
func NewMetrics(model string, context int) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry()}
	labels := prometheus.Labels{"model_name": model}
	reg := prometheus.WrapRegistererWith(labels, m.registry)
	histogram := func(name, help string, buckets []float64) prometheus.Histogram {
		h := prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets})
		reg.MustRegister(h)
		return h
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
		reg.MustRegister(c)
		return c
	}
	// process_cpu_seconds_total and its like, where the system tells: what the
	// server takes from the host, whoever its clients are.
	m.registry.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	lengths := oneTwoFive(context)
	m.tokensPerIteration = histogram("vllm:iteration_tokens_total", "Tokens computed in an iteration.", iterationBuckets())
	m.iterationTime = histogram("tierlab_iteration_seconds", "Time of an iteration on the backend.", prometheus.ExponentialBuckets(1e-5, 2, 22))
	m.promptTokens = histogram("vllm:request_prompt_tokens", "Prompt tokens of a request.", lengths)
	m.outputTokens = histogram("vllm:request_generation_tokens", "Output tokens of a request.", lengths)
	m.maxTokens = histogram("vllm:request_params_max_tokens", "The max_tokens of a request.", lengths)
	m.choices = histogram("vllm:request_params_n", "The n of a request.", []float64{1, 2, 5, 10, 20})
	m.firstToken = histogram("vllm:time_to_first_token_seconds", "Arrival to first token.", firstTokenBuckets())
	m.betweenTokens = histogram("vllm:inter_token_latency_seconds", "Gaps between the tokens of an output.", betweenTokensBuckets())
	m.perToken = histogram("vllm:request_time_per_output_token_seconds", "Mean gap of a request: decode time over the tokens after the first.", betweenTokensBuckets())
	m.endToEnd = histogram("vllm:e2e_request_latency_seconds", "Arrival to last token.", latencyBuckets())
	m.queue = histogram("vllm:request_queue_time_seconds", "Arrival to first plan.", latencyBuckets())
	m.inference = histogram("vllm:request_inference_time_seconds", "First plan to last token.", latencyBuckets())
	m.prefill = histogram("vllm:request_prefill_time_seconds", "First plan to first token.", latencyBuckets())
	m.decode = histogram("vllm:request_decode_time_seconds", "First token to last.", latencyBuckets())
	m.finished = counter("vllm:request_success_total", "Requests that have ended, by why.", "finished_reason")
	m.responses = counter("tierlab_http_responses_total", "HTTP responses by path and status.", "path", "status")
	for _, reason := range []engine.Finish{engine.FinishStop, engine.FinishLength, engine.FinishAborted} {
		m.finished.WithLabelValues(string(reason)) // a rate needs the zero before the first
	}
	return m
}

// Iteration is engine.Observer's.
func (m *Metrics) Iteration(shape sched.Shape, took time.Duration) {
	m.iteration(shape, took, &m.context)
}

func (m *Metrics) iteration(shape sched.Shape, took time.Duration, context *atomic.Int64) {
	m.tokensPerIteration.Observe(float64(shape.Tokens))
	m.iterationTime.Observe(took.Seconds())
	context.Store(shape.Context)
}

// Replica is the observer of one of several engines. All are made before any of
// the engines runs.
func (m *Metrics) Replica() engine.Observer {
	r := &replicaMetrics{Metrics: m}
	m.replicas = append(m.replicas, r)
	return r
}

// replicaMetrics observes one of several engines.
type replicaMetrics struct {
	*Metrics
	context atomic.Int64
}

// Iteration is engine.Observer's.
func (r *replicaMetrics) Iteration(shape sched.Shape, took time.Duration) {
	r.iteration(shape, took, &r.context)
}

// contexts are the tokens of the contexts in the engines' latest iterations.
func (m *Metrics) contexts() int64 {
	sum := m.context.Load()
	for _, r := range m.replicas {
		sum += r.context.Load()
	}
	return sum
}

// RequestDone is engine.Observer's. A request that was aborted has no latency
// to compare with others.
func (m *Metrics) RequestDone(u engine.Usage, why engine.Finish) {
	m.finished.WithLabelValues(string(why)).Inc()
	if why == engine.FinishAborted {
		return
	}
	queue, prefill, decode := phases(u)
	m.queue.Observe(queue.Seconds())
	m.prefill.Observe(prefill.Seconds())
	m.decode.Observe(decode.Seconds())
	m.inference.Observe((prefill + decode).Seconds())
	m.endToEnd.Observe((queue + prefill + decode).Seconds())
	m.promptTokens.Observe(float64(u.Prompt))
	m.outputTokens.Observe(float64(u.Output))
	if u.Output > 1 {
		m.perToken.Observe(decode.Seconds() / float64(u.Output-1))
	}
}

// response counts an HTTP response.
func (m *Metrics) response(path string, status int) {
	m.responses.WithLabelValues(path, strconv.Itoa(status)).Inc()
}

// handler answers a scrape.
func (m *Metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func iterationBuckets() []float64 {
	return []float64{1, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384}
}

func firstTokenBuckets() []float64 {
	return []float64{0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640, 2560}
}

func betweenTokensBuckets() []float64 {
	return []float64{0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80}
}

func latencyBuckets() []float64 {
	return []float64{0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680}
}

// oneTwoFive are 1, 2, 5, 10, 20, ... up to the limit.
func oneTwoFive(limit int) []float64 {
	var buckets []float64
	for decade := 1; ; decade *= 10 {
		for _, m := range []int{1, 2, 5} {
			if m*decade > limit {
				return buckets
			}
			buckets = append(buckets, float64(m*decade))
		}
	}
}
