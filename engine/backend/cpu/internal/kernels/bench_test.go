package kernels

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// shapes are the products of the presets small and llama-3.2-1b, fused as the
// backend has them.
var shapes = []struct {
	name       string
	rows, cols int
}{
	{"small/qkv", 1280, 768}, {"small/o", 768, 768}, {"small/gateup", 4096, 768}, {"small/down", 768, 2048}, {"small/head", 32768, 768},
	{"1b/o", 2048, 2048}, {"1b/gateup", 16384, 2048}, {"1b/down", 2048, 8192},
}

// BenchmarkMul streams through several copies of the weights, so that one row
// reads them from memory as decoding does. "of-read" and "of-peak" are medians
// over those of what the machine reads and multiplies at the same time.
func BenchmarkMul(b *testing.B) {
	for _, num := range []Numerics{BF16, F32} {
		isas := Detect().ISAs(num)
		for _, isa := range isas[min(1, len(isas)-1):] {
			k, err := New(num, isa)
			if err != nil {
				b.Fatal(err)
			}
			for _, s := range shapes {
				b.Run(fmt.Sprintf("%s/%s/%s", num, isa, s.name), func(b *testing.B) { benchMul(b, k, s.rows, s.cols) })
			}
		}
	}
}

func benchMul(b *testing.B, k *Kernels, rows, cols int) {
	const bytes = 200 << 20
	ms := make([]*Matrix, max(1, bytes/(rows*cols*2)))
	w := normal(1, rows*cols)
	for i := range ms {
		ms[i] = pack(b, k, rows, cols, w)
	}
	p := NewPool(2)
	defer p.Close()
	ceiling, err := k.NewCeiling(p, bytes)
	if err != nil {
		b.Fatal(err)
	}
	defer ceiling.Close()
	for _, n := range []int{1, 16, 64, 512} {
		x := panel(k, n, cols, normal(2, n*cols))
		y := make([]float32, n*ms[0].PaddedRows())
		chunk := k.ChunkRows(ms[0], n, p.Workers())
		var m *Matrix
		job := func(_, task int) { k.Mul(y[task*chunk:], m.PaddedRows(), m, x, task*chunk, min((task+1)*chunk, rows)) }
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			var seconds, read, peak []float64
			for i := 0; b.Loop(); i++ {
				m = ms[i%len(ms)]
				start := time.Now()
				p.Run((rows+chunk-1)/chunk, job)
				seconds = append(seconds, time.Since(start).Seconds())
				if i%len(ms) == 0 {
					b.StopTimer()
					read, peak = append(read, ceiling.ReadGBs()), append(peak, ceiling.GFLOPs())
					b.StartTimer()
				}
			}
			s := median(seconds)
			gbs, gflops := float64(m.Bytes())/s/1e9, 2*float64(rows)*float64(cols)*float64(n)/s/1e9
			b.ReportMetric(gbs, "GB/s")
			b.ReportMetric(gbs/median(read), "of-read")
			b.ReportMetric(gflops, "GFLOP/s")
			b.ReportMetric(gflops/median(peak), "of-peak")
		})
	}
}

func median(x []float64) float64 {
	slices.Sort(x)
	return x[len(x)/2]
}
