//go:build (linux || darwin) && (amd64 || arm64)

package host

import (
	"fmt"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/model"
)

// BenchmarkTurns is the cost of giving a turn to the next thread: each lane but
// the last one does so in each collective, and each thread but the last in each
// barrier.
func BenchmarkTurns(b *testing.B) {
	const each = 1000
	for _, c := range []struct {
		kernel         string
		threads, turns int
	}{{"turns", 32, 31}, {"turns", 256, 248}, {"barriers", 256, 255}} {
		b.Run(fmt.Sprintf("%s of %d threads", c.kernel, c.threads), func(b *testing.B) {
			d := open(b, Options{})
			p := params{in: upload(b, d, random(4096)), out: upload(b, d, make([]uint32, 4096)), n: each}
			l := driver.Launch{Function: d.function(b, "cost.cu", c.kernel), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{uint32(c.threads), 1, 1}, Params: p.bytes()}
			for b.Loop() {
				check(b, d.Launch(l, d.stream))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*each*c.turns), "ns/turn")
		})
	}
}

func BenchmarkTile(b *testing.B) {
	d := open(b, Options{})
	p := params{in: upload(b, d, make([]uint32, 4096)), out: upload(b, d, make([]uint32, 4096))}
	l := driver.Launch{Function: d.function(b, "cost.cu", "tile"), Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{128, 1, 1}, Params: p.bytes()}
	for b.Loop() {
		check(b, d.Launch(l, d.stream))
	}
}

// BenchmarkSilu has no collectives.
func BenchmarkSilu(b *testing.B) {
	const ffn, tokens = 1024, 64
	d := open(b, Options{Workers: 1})
	made, err := d.compiler.Compile(b.Context(), kernels.Spec{Model: model.Config{FFN: ffn}}.Unit("silu", "silu.cu", "THREADS=128"))
	check(b, err)
	m, err := d.Load(made.Image)
	check(b, err)
	f, err := d.Function(m, "silu")
	check(b, err)
	p := kernels.SiluParams{
		Counts: upload(b, d, []kernels.Counts{{Tokens: tokens}}),
		GU:     upload(b, d, make([]uint16, tokens*2*ffn)), Y: upload(b, d, make([]uint16, tokens*ffn)),
	}
	l := driver.Launch{Function: f, Grid: [3]uint32{1, tokens, 1}, Block: [3]uint32{128, 1, 1}, Params: kernels.Bytes(&p)}
	for b.Loop() {
		check(b, d.Launch(l, d.stream))
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*tokens*ffn), "ns/element")
}
