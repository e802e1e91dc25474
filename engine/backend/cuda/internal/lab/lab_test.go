package lab

import (
	"flag"
	"math/rand/v2"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/cublaslt"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/nvrtc"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/model"
)

func preset(t testing.TB, name string) model.Config {
	t.Helper()
	m, err := model.Preset(name)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newBench(t *testing.T, r *rig.Rig) *Bench {
	t.Helper()
	b, err := New(t.Context(), r.Context, r.Compiler, r.Arch)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for range 2 {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return b
}

// library is cuBLASLt on a GPU, if there is one.
func library(t testing.TB, place string) *cublaslt.Library {
	if place != "cuda" {
		return nil
	}
	l, err := cublaslt.Find()
	if err != nil {
		t.Logf("no versions by cuBLASLt: %v", err)
	}
	return l
}

// TestVersions checks every version of every case: at the shapes of a tiny model
// everywhere, with biases and norms of heads, and at published ones on a GPU,
// unless a benchmark is to run, which checks these itself. Candidates meet two
// more tiny models.
func TestVersions(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		b, l := newBench(t, r), library(t, r.Name)
		cases := Cases(preset(t, "tiny-qwen3"), false, nil)
		for _, name := range []string{"tiny-tied", "tiny-qwen2"} {
			m := preset(t, name)
			for _, c := range []Case{normCase(m, 3), siluCase(m, 3), keysCase(m, 3, 33, 7)} {
				c.Versions = c.Versions[1:]
				cases = append(cases, c)
			}
		}
		if r.Name == "cuda" && flag.Lookup("test.bench").Value.String() == "" {
			cases = append(cases, Cases(preset(t, "llama-3.1-8b"), true, l)...)
		}
		if err := b.Compile(t.Context(), cases); err != nil {
			t.Fatal(err)
		}
		seed := rand.Uint64()
		for _, c := range cases {
			for _, v := range c.Versions {
				t.Run(c.String()+"/"+v.Name, func(t *testing.T) {
					r.Bind(t)
					checkVersion(t, b, c, v, seed)
				})
			}
		}
	})
}

func checkVersion(t *testing.T, b *Bench, c Case, v Version, seed uint64) {
	t.Helper()
	r, err := b.Ready(t.Context(), c, v)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}()
	off, err := r.Check(seed)
	if err != nil {
		t.Error(err)
	}
	t.Logf("||out - ref|| / ||ref|| = %.2g, at most %.2g", off, c.Bound)
	if v.Candidate {
		t.Logf("a candidate: %s", v.Gain)
	}
}

// TestCandidatesCompile has the device's compiler, where it is found, look at the
// sources that no engine uses.
func TestCandidatesCompile(t *testing.T) {
	l, err := nvrtc.Find()
	if err != nil {
		t.Skip(err)
	}
	m := preset(t, "llama-3.1-8b")
	b, c := &Bench{arch: "sm_90a"}, l.Compiler(t.TempDir())
	for _, of := range []Case{normCase(m, 1), siluCase(m, 1), keysCase(m, 1, 0, 1)} {
		for _, v := range of.Versions[1:] {
			units := v.units(b, of)
			if _, err := kernels.Compile(t.Context(), c, units); err != nil || len(units) == 0 {
				t.Errorf("%v, version %s: %d units: %v", of, v.Name, len(units), err)
			}
		}
	}
}

// TestCheckSeesErrors has a kernel not run, and an element of its output be off.
func TestCheckSeesErrors(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		b := newBench(t, r)
		c := normCase(preset(t, "tiny"), 3)
		for name, spoil := range map[string]func(*Ready){
			"nothing": func(r *Ready) { r.run = func(*trial) error { return nil } },
			"an element that is off": func(r *Ready) {
				draw := r.c.draw
				r.c.draw = func(r *Ready, o *operands) *trial {
					x := draw(r, o)
					compare := x.compare
					x.compare = func() (got, want []float64) {
						got, want = compare()
						got[len(got)-1] += 1
						return got, want
					}
					return x
				}
			},
		} {
			ready, err := b.Ready(t.Context(), c, c.Versions[0])
			if err != nil {
				t.Fatal(err)
			}
			spoil(ready)
			if off, err := ready.Check(7); err == nil || !strings.Contains(err.Error(), "||out - ref|| / ||ref|| =") {
				t.Errorf("%s: off by %v, error %v", name, off, err)
			}
			if err := ready.Close(); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestClock measures what is too small to mean anything, for the sake of what
// measures.
func TestClock(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		b := newBench(t, r)
		b.mostSets = 3
		c := siluCase(preset(t, "tiny"), 2)
		for _, v := range c.Versions {
			ready, err := b.Ready(t.Context(), c, v)
			if err != nil {
				t.Fatal(err)
			}
			clock, err := ready.Clock(1)
			if err != nil {
				t.Fatal(err)
			}
			took, err := clock.Median(3)
			if err != nil || took <= 0 {
				t.Errorf("version %s took %v: %v", v.Name, took, err)
			}
			for range 2 {
				if err := clock.Close(); err != nil {
					t.Error(err)
				}
			}
			if err := ready.Close(); err != nil {
				t.Error(err)
			}
		}
		ceilings, err := b.ceilings(t.Context(), nil, sizes{copied: 1 << 20, side: 64, repeats: 1})
		if err != nil {
			t.Fatal(err)
		}
		if ceilings.CopyBytesPerSecond <= 0 || ceilings.MatrixFLOPs <= 0 || ceilings.MatrixBy == "" {
			t.Errorf("%+v", ceilings)
		}
		rate := Case{Bytes: 4e9, FLOPs: 1e12}.Rate(2e6, Ceilings{CopyBytesPerSecond: 4e12, MatrixFLOPs: 5e14})
		if rate.GBs != 2000 || rate.TFLOPs != 500 || rate.Floor != 2e6 || rate.OfFloor != 1 {
			t.Errorf("%+v", rate)
		}
	})
}
