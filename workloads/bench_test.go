package workloads_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"tierlab/workloads"
)

// outcomeOf is a step's outcome with one attempt, as a simulation writes it.
func outcomeOf(session, step string) *workloads.Outcome {
	correct := true
	return &workloads.Outcome{Session: session, Step: step, Status: workloads.StatusOK, Start: 1_234_567_891, End: 3_456_789_123,
		LLMDone: 2_345_678_912, Attempts: []workloads.Attempt{{Site: "metro-lagos", Tier: "metro", Model: "llama-8b", Reason: "nearest with capacity",
			Status: workloads.StatusOK, Due: 1_234_567_891, Sent: 1_240_000_000, First: 1_500_000_123, Done: 2_345_678_912, Queue: 20_000_000,
			Prefill: 180_000_000, Decode: 900_000_000, Network: 5_678_912, Input: 23456, Cached: 20000, Output: 321, USD: 0.00123456, Correct: &correct}}}
}

// BenchmarkWriteOutcomes measures lines a second.
func BenchmarkWriteOutcomes(b *testing.B) {
	w := workloads.NewWriter(io.Discard, workloads.Header{Name: "bench", Provenance: workloads.Provenance{Source: "bench"}})
	s := workloads.Step{ID: "1", LLM: workloads.LLM{OutputTokens: 1, Context: workloads.Context{Add: 1}}}
	o := outcomeOf("a", "1")
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%40 == 0 {
			if err := w.Session(&workloads.Session{ID: "a"}); err != nil {
				b.Fatal(err)
			}
			if err := w.Step(&s); err != nil {
				b.Fatal(err)
			}
		}
		if err := w.Outcome(o); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "lines/s")
}

// BenchmarkRead measures a file of sessions with twenty steps and as many
// outcomes.
func BenchmarkRead(b *testing.B) {
	var file bytes.Buffer
	w := workloads.NewWriter(&file, workloads.Header{Name: "bench", Provenance: workloads.Provenance{Source: "bench"}})
	const sessions, steps = 100, 20
	for range sessions {
		w.Session(&workloads.Session{ID: "a"})
		for k := range steps {
			id := string(rune('a' + k))
			s := workloads.Step{ID: id, LLM: workloads.LLM{Kind: "code", OutputTokens: 100, Context: workloads.Context{Add: 2000}},
				Tools: []workloads.Tool{{Name: "grep", Duration: 300_000_000}}}
			if k > 0 {
				before := string(rune('a' + k - 1))
				s.After = []workloads.After{{Step: before}}
				s.LLM.Context = workloads.Context{From: before, Keep: 2000, Add: 500}
			}
			w.Step(&s)
		}
		for k := range steps {
			w.Outcome(outcomeOf("a", string(rune('a'+k))))
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(file.Len()))
	for b.Loop() {
		for _, err := range workloads.NewReader(strings.NewReader(file.String()), "bench").Sessions() {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*sessions*(2*steps+1))/b.Elapsed().Seconds(), "lines/s")
}
