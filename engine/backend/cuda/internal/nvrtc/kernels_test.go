package nvrtc

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/kernels"
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

// compileAll compiles units into an empty cache and gives what each kernel uses.
func compileAll(t *testing.T, l *Library, units []kernels.Unit) string {
	t.Helper()
	compiled, err := kernels.Compile(t.Context(), l.Compiler(t.TempDir()), units)
	if err != nil {
		t.Fatal(err)
	}
	report := fmt.Sprintf("%-20s %9s %14s %14s\n", "unit", "registers", "static shared", "stack")
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
		report += fmt.Sprintf("%-20s %9d %14d %14d\n", u.Name, v.Registers, v.Shared, v.Stack)
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
			report := compileAll(t, l, spec(t, c.preset, c.arch).Units())
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
