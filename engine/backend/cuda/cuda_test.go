package cuda

import (
	"os"
	"slices"
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/backend/cuda/internal/host"
	"tierlab/engine/kv"
	"tierlab/engine/model"
	"tierlab/engine/sample"
	"tierlab/engine/sched"
)

// source is a preset with seeded weights.
func source(tb testing.TB, preset string) model.Source {
	tb.Helper()
	c, err := model.Preset(preset)
	if err != nil {
		tb.Fatal(err)
	}
	return model.Seeded(c, 1)
}

// onHost makes a Config compute on the CPU, by the kernels' own code.
func onHost(tb testing.TB, c Config) Config {
	tb.Helper()
	var err error
	if c.Compiler, err = host.NewCompiler(""); err != nil {
		tb.Skipf("kernels cannot run on the CPU here: %v", err)
	}
	if c.Driver, err = host.New(); err != nil {
		tb.Fatal(err)
	}
	return c
}

func open(tb testing.TB, c Config) *Backend {
	tb.Helper()
	b, err := Open(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := b.Close(); err != nil {
			tb.Errorf("Close: %v", err)
		}
	})
	return b
}

// once submits a step and waits for it.
func once(tb testing.TB, b backend.Backend, s *backend.Step, r *backend.Result) {
	tb.Helper()
	if err := b.Submit(s); err != nil {
		tb.Fatal(err)
	}
	if err := b.Wait(r); err != nil {
		tb.Fatal(err)
	}
}

// logits computes one context, chunk by chunk, and returns the logits after each.
func logits(tb testing.TB, b backend.Backend, chunks [][]int32) [][]float32 {
	tb.Helper()
	size, total := b.Caps().BlockTokens, len(slices.Concat(chunks...))
	blocks := make([]kv.Block, (total+size-1)/size)
	for i := range blocks {
		blocks[i] = kv.Block(len(blocks) - 1 - i)
	}
	var out [][]float32
	var r backend.Result
	row := sched.Row{NewBlocks: blocks}
	for _, chunk := range chunks {
		pieces := slices.Collect(slices.Chunk(chunk, b.Caps().Budget))
		for i, piece := range pieces {
			row.N, row.Sample = int32(len(piece)), i == len(pieces)-1
			p := &sched.Plan{ID: uint64(row.Start), Rows: []sched.Row{row}}
			p.Shape = p.Shape.With(row.Start, row.N, row.Sample)
			s := &backend.Step{Plan: p, Tokens: piece}
			if row.Sample {
				s.Picks = []sample.Pick{{Forced: -1, Logprobs: -1, Logits: true}}
			}
			once(tb, b, s, &r)
			row.Start += row.N
			row.FirstBlock, row.NewBlocks = int32(len(blocks)), nil
		}
		out = append(out, slices.Clone(r.Choices[0].Logits))
	}
	return out
}

// places calls f for each place where kernels can run here. TIERLAB_RIG names
// one of them, as for package rig.
func places(t *testing.T, f func(t *testing.T, c Config)) {
	t.Helper()
	only := os.Getenv("TIERLAB_RIG")
	if only != "cuda" {
		t.Run("host", func(t *testing.T) { f(t, onHost(t, Config{})) })
	}
	found := Probe()
	switch err := found.Err(); {
	case only == "host":
	case err == nil:
		t.Run("cuda", func(t *testing.T) { f(t, Config{}) })
	case only == "cuda":
		t.Errorf("TIERLAB_RIG=cuda: %v", err)
	}
}
