package lab

import (
	"slices"
	"testing"
	"time"

	"tierlab/engine/backend/cuda/internal/rig"
)

// BenchmarkKernel times what the engine has, and what cuBLASLt does, at published
// shapes on a GPU. ns/op is the time of one launch; the package comment says of
// what it is the median.
func BenchmarkKernel(b *testing.B) {
	benchmark(b, func(v Version) bool { return !v.Candidate })
}

// BenchmarkVersion times the candidates too.
func BenchmarkVersion(b *testing.B) {
	benchmark(b, func(Version) bool { return true })
}

func benchmark(b *testing.B, wanted func(Version) bool) {
	r := rig.Device(b)
	bench, err := New(b.Context(), r.Context, r.Compiler, r.Arch)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := bench.Close(); err != nil {
			b.Error(err)
		}
	})
	l := library(b, r.Name)
	ceilings, err := bench.Ceilings(b.Context(), l)
	if err != nil {
		b.Fatal(err)
	}
	b.Logf("copies %.0f GB/s, multiplies %.0f TFLOP/s by %s", ceilings.CopyBytesPerSecond/1e9, ceilings.MatrixFLOPs/1e12, ceilings.MatrixBy)
	cases := Cases(preset(b, "llama-3.1-8b"), true, l)
	for i := range cases {
		cases[i].Versions = slices.DeleteFunc(cases[i].Versions, func(v Version) bool { return !wanted(v) })
	}
	if err := bench.Compile(b.Context(), cases); err != nil {
		b.Fatal(err)
	}
	for _, c := range cases {
		for _, v := range c.Versions {
			b.Run(c.String()+"/"+v.Name, func(b *testing.B) {
				r.Bind(b)
				benchmarkVersion(b, bench, c, v, ceilings)
			})
		}
	}
}

func benchmarkVersion(b *testing.B, bench *Bench, c Case, v Version, ceilings Ceilings) {
	b.Helper()
	ready, err := bench.Ready(b.Context(), c, v)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := ready.Close(); err != nil {
			b.Error(err)
		}
	}()
	if _, err := ready.Check(1); err != nil {
		b.Fatal(err) // what is wrong has no time
	}
	clock, err := ready.Clock(1)
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := clock.Close(); err != nil {
			b.Error(err)
		}
	}()
	var times []time.Duration
	for b.Loop() {
		took, err := clock.Median(3)
		if err != nil {
			b.Fatal(err)
		}
		times = append(times, took)
	}
	slices.Sort(times)
	took := times[len(times)/2]
	rate := c.Rate(took, ceilings)
	b.ReportMetric(float64(took.Nanoseconds()), "ns/op")
	b.ReportMetric(rate.GBs, "GB/s")
	b.ReportMetric(rate.TFLOPs, "TFLOP/s")
	b.ReportMetric(100*rate.OfFloor, "%floor")
	if ready.Registers > 0 {
		b.ReportMetric(float64(ready.Registers), "registers")
		b.ReportMetric(float64(ready.Stack), "stack-B")
	}
}
