package nvrtc

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"tierlab/engine/backend/cuda/internal/drivertest"
	"tierlab/engine/backend/cuda/internal/fake"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/products"
	"tierlab/engine/model"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/usage.golden anew")

// pinned is the version whose reports testdata/usage.golden holds: register
// allocation differs from one to the next.
func pinned() Version { return Version{13, 0, 88} }

// library is this machine's NVRTC; without one the test is skipped, unless a
// variable promises one.
func library(t testing.TB) *Library {
	t.Helper()
	l, err := Find()
	if err != nil && os.Getenv(Variable) == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func spec(t testing.TB, preset, arch string) kernels.Spec {
	t.Helper()
	m, err := model.Preset(preset)
	if err != nil {
		t.Fatal(err)
	}
	return kernels.Spec{Model: m, Arch: arch, BlockTokens: 64, MaxBlocks: (m.Context + 63) / 64, SplitTokens: 256}
}

// recorder takes down what it is asked to compile.
type recorder struct {
	kernels.Compiler
	mu    sync.Mutex
	units []kernels.Unit
}

func (r *recorder) Compile(ctx context.Context, u kernels.Unit) (kernels.Compiled, error) {
	r.mu.Lock()
	r.units = append(r.units, u)
	r.mu.Unlock()
	return r.Compiler.Compile(ctx, u)
}

// unitsOf are all units of a model: those of its Set, and those that products
// are computed by on a device that there is none of here, by themselves and
// batch-invariant.
func unitsOf(t *testing.T, preset, arch string) []kernels.Unit {
	t.Helper()
	s := spec(t, preset, arch)
	runtime.LockOSThread() // a context is current on a thread
	defer runtime.UnlockOSThread()
	dev, err := fake.New(fake.Options{}).Open(0)
	if err != nil {
		t.Fatal(err)
	}
	defer dev.Close()
	buckets := []int{1, 2048} // the smallest models' products are small in all ways
	if s.Model.Hidden > 1024 {
		buckets = []int{1, 8, 16, 32, 64, 256, 2048}
	}
	m, r := s.Model, &recorder{Compiler: fake.Compiler{}}
	q, kv := m.Heads*m.HeadDim, m.KVHeads*m.HeadDim
	for _, invariant := range []bool{false, true} {
		p, err := products.New(t.Context(), dev, r, products.Options{
			Arch: arch, Invariant: invariant, Buckets: buckets,
			Shapes: []products.Shape{
				{Name: "qkv", N: q + 2*kv, K: m.Hidden}, {Name: "o", N: m.Hidden, K: q}, {Name: "gate_up", N: 2 * m.FFN, K: m.Hidden},
				{Name: "down", N: m.Hidden, K: m.FFN}, {Name: "head", N: m.Vocab, K: m.Hidden, F32: true},
			},
		})
		if err == nil {
			err = p.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.SortFunc(r.units, func(a, b kernels.Unit) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), slices.Compare(a.Macros, b.Macros))
	})
	r.units = slices.CompactFunc(r.units, func(a, b kernels.Unit) bool { return slices.Equal(a.Macros, b.Macros) && a.File == b.File })
	return append(s.Units(), r.units...)
}

// compileAll compiles units into an empty cache and gives what each kernel uses.
func compileAll(t *testing.T, l *Library, units []kernels.Unit) string {
	t.Helper()
	compiled, err := kernels.Compile(t.Context(), l.Compiler(t.TempDir()), units)
	if err != nil {
		t.Fatal(err)
	}
	report := fmt.Sprintf("%-32s %9s %14s %14s\n", "unit", "registers", "static shared", "stack")
	for i, u := range units {
		log := compiled[i].Log
		usages := Usages(log)
		if len(compiled[i].Image) == 0 || len(usages) != 1 {
			t.Errorf("%s for %s has an image of %d bytes and a log that reports %d kernels:\n%s", u.Name, u.Arch, len(compiled[i].Image), len(usages), log)
			continue
		}
		if strings.Contains(log, "warning") {
			t.Errorf("%s for %s compiles with warnings:\n%s", u.Name, u.Arch, log)
		}
		v := usages[0]
		if v.SpillStores+v.SpillLoads > 0 {
			say := t.Logf
			if u.Arch == "sm_90a" && l.Version() == pinned() {
				say = t.Errorf
			}
			say("%s for %s spills %d bytes of registers and loads %d back: give its blocks fewer threads or less to hold", u.Name, u.Arch, v.SpillStores, v.SpillLoads)
		}
		report += fmt.Sprintf("%-32s %9d %14d %14d\n", u.Name, v.Registers, v.Shared, v.Stack)
	}
	return report
}

// TestKernelsCompile compiles every kernel for the shapes that tests run and
// for one that is served, for the chip that figures are for and for the oldest
// that has all instructions in use. None spills registers on the former.
func TestKernelsCompile(t *testing.T) {
	l := library(t)
	for _, c := range []struct{ preset, arch string }{
		{"tiny", "sm_90a"}, {"tiny-tied", "sm_90a"}, {"tiny-qwen2", "sm_90a"}, {"tiny-qwen3", "sm_90a"}, {"llama-3.1-8b", "sm_90a"},
		{"tiny-tied", "sm_80"}, {"llama-3.1-8b", "sm_80"},
	} {
		t.Run(c.preset+" "+c.arch, func(t *testing.T) {
			if err := l.Supports(c.arch); err != nil {
				t.Skip(err)
			}
			report := compileAll(t, l, unitsOf(t, c.preset, c.arch))
			if c.preset == "llama-3.1-8b" && c.arch == "sm_90a" {
				compareReport(t, l, report)
			}
		})
	}
}

// compareReport holds a report to the golden file, with the pinned version.
func compareReport(t *testing.T, l *Library, report string) {
	const golden = "testdata/usage.golden"
	if l.Version() != pinned() {
		t.Logf("%s is of NVRTC %v, this is %v (%s): not compared", golden, pinned(), l.Version(), l.Path())
		return
	}
	if *rewrite {
		if err := os.WriteFile(golden, []byte(report), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if report != string(want) {
		t.Errorf("kernels of llama-3.1-8b for sm_90a use, per thread and block,\n%s\n%s has\n%s\n-rewrite writes it anew", report, golden, want)
	}
}

// TestOwnText compiles the text that the drivers' suite loads.
func TestOwnText(t *testing.T) {
	l := library(t)
	got, err := l.Compiler(t.TempDir()).Compile(t.Context(), drivertest.Unit("sm_80"))
	if err != nil || len(got.Image) == 0 {
		t.Errorf("an image of %d bytes, error %v", len(got.Image), err)
	}
}

// TestNoKernelIsLeftOut holds the list of units to the sources.
func TestNoKernelIsLeftOut(t *testing.T) {
	files, err := fs.Glob(kernels.Sources, "*.cu")
	if err != nil {
		t.Fatal(err)
	}
	units := unitsOf(t, "llama-3.1-8b", "sm_90a")
	for _, f := range files {
		if !slices.ContainsFunc(units, func(u kernels.Unit) bool { return u.File == f }) {
			t.Errorf("%s belongs to no unit that a model needs, so nothing compiles it here", f)
		}
	}
}
