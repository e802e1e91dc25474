package kernels_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// loader is a context that keeps account of modules and launches.
type loader struct {
	driver.Context
	loaded, unloaded int
	lacks            string // a function that no module has
	holds            int    // blocks of a multiprocessor
	shared           map[driver.Function]int
	launched         []driver.Launch
}

func (l *loader) Load(image []byte) (driver.Module, error) {
	l.loaded++
	return driver.Module(l.loaded), nil
}

func (l *loader) Unload(driver.Module) error { l.unloaded++; return nil }

func (l *loader) Function(m driver.Module, name string) (driver.Function, error) {
	if name == l.lacks {
		return 0, &driver.Error{Call: "cuModuleGetFunction", Code: 500, Name: "CUDA_ERROR_NOT_FOUND"}
	}
	return driver.Function(m), nil
}

func (l *loader) Attributes(driver.Function) (driver.Attributes, error) {
	return driver.Attributes{Registers: 40}, nil
}

func (*loader) Device() driver.Device { return driver.Device{SMs: 10} }

func (l *loader) Occupancy(driver.Function, int, int) (int, error) { return l.holds, nil }

func (l *loader) SetShared(f driver.Function, bytes int) error {
	if l.shared == nil {
		l.shared = map[driver.Function]int{}
	}
	l.shared[f] = bytes
	return nil
}

func (l *loader) Launch(v driver.Launch, _ driver.Stream) error {
	l.launched = append(l.launched, v)
	return nil
}

// echo is a compiler whose image is a unit's name.
type echo struct {
	broken   string // a unit that does not compile
	compiled atomic.Int32
}

func (*echo) Name() string { return "echo" }

func (e *echo) Compile(ctx context.Context, u kernels.Unit) (kernels.Compiled, error) {
	if u.Name == e.broken {
		return kernels.Compiled{}, errors.New("line 1: no")
	}
	e.compiled.Add(1)
	return kernels.Compiled{Image: []byte(u.Name), Log: "made of " + u.File, Cached: u.Name == "embed"}, nil
}

func tinySpec(t testing.TB) kernels.Spec {
	return kernels.Spec{Model: preset(t, "tiny"), Arch: "sm_90a", BlockTokens: 32, MaxBlocks: 8, SplitTokens: 64}
}

func TestLoad(t *testing.T) {
	spec, dev := tinySpec(t), &loader{holds: 2}
	set, err := kernels.Load(t.Context(), dev, &echo{}, spec)
	if err != nil {
		t.Fatal(err)
	}
	units, reports := spec.Units(), set.Reports()
	if len(reports) != len(units) {
		t.Fatalf("%d reports of %d units", len(reports), len(units))
	}
	for i, r := range reports {
		if r.Unit.Name != units[i].Name || r.Log != "made of "+units[i].File || r.Attributes.Registers != 40 || r.Cached != (r.Unit.Name == "embed") {
			t.Errorf("the report of %s: %+v", units[i].Name, r)
		}
	}
	for range 2 {
		if err := set.Close(); err != nil {
			t.Error(err)
		}
	}
	if dev.loaded != len(units) || dev.unloaded != dev.loaded {
		t.Errorf("%d units: %d loaded, %d unloaded", len(units), dev.loaded, dev.unloaded)
	}
}

// TestEveryFileIsAUnit finds kernels that no set has. Products are specialised
// by shape, in a package of their own.
func TestEveryFileIsAUnit(t *testing.T) {
	units := map[string]bool{}
	for _, u := range tinySpec(t).Units() {
		if units[u.File] {
			t.Errorf("%s is there twice", u.File)
		}
		units[u.File] = true
		if _, err := u.Text(); err != nil {
			t.Error(err)
		}
	}
	err := fs.WalkDir(kernels.Sources, ".", func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".cu") && !strings.HasPrefix(path, "product_") && !units[path] {
			t.Errorf("%s belongs to no unit", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// TestUnitsHaveTheirOwnMacros: a size changes the units of the kernels that depend
// on it and no others.
func TestUnitsHaveTheirOwnMacros(t *testing.T) {
	spec := tinySpec(t)
	for _, c := range []struct {
		size   string
		change func(*kernels.Spec)
		units  []string
	}{
		{"MaxBlocks", func(s *kernels.Spec) { s.MaxBlocks = 9 }, []string{"tables", "keys", "attend_decode", "attend_prefill"}},
		{"SplitTokens", func(s *kernels.Spec) { s.SplitTokens = 128 }, []string{"attend_decode"}},
		{"Vocab", func(s *kernels.Spec) { s.Model.Vocab = 501 }, []string{"embed", "choose"}},
		{"FFN", func(s *kernels.Spec) { s.Model.FFN = 256 }, []string{"silu"}},
		{"QKNorm", func(s *kernels.Spec) { s.Model.QKNorm = true }, []string{"keys"}},
		{"nothing", func(*kernels.Spec) {}, nil},
	} {
		changed := spec
		c.change(&changed)
		var units []string
		for i, u := range changed.Units() {
			if !slices.Equal(u.Macros, spec.Units()[i].Macros) {
				units = append(units, u.Name)
			}
		}
		if !slices.Equal(units, c.units) {
			t.Errorf("with another %s, %q have other macros, want %q", c.size, units, c.units)
		}
	}
	if u := spec.Unit("other", "other.cu"); len(u.Macros) != 12 {
		t.Errorf("a file of another place has the macros %q, want all 12", u.Macros)
	}
}

func TestLoadFails(t *testing.T) {
	narrow := tinySpec(t)
	narrow.Model.HeadDim = 48
	odd := tinySpec(t)
	odd.Model.FFN = 132
	crowded, blocks, splits := tinySpec(t), tinySpec(t), tinySpec(t)
	crowded.Model.Heads, crowded.Model.KVHeads = 9, 1
	blocks.BlockTokens = 48
	splits.SplitTokens = 96
	warps, stages := tinySpec(t), tinySpec(t)
	warps.Attend.PrefillWarps = 8
	stages.Attend.DecodeStages = 1
	for name, c := range map[string]struct {
		spec     kernels.Spec
		compiler *echo
		dev      *loader
		want     string
	}{
		"a unit that does not compile": {tinySpec(t), &echo{broken: "keys"}, &loader{holds: 2}, "kernel keys: line 1: no"},
		"a module without the kernel":  {tinySpec(t), &echo{}, &loader{lacks: "silu", holds: 2}, "kernel silu: cuModuleGetFunction: CUDA_ERROR_NOT_FOUND"},
		"a head that is not supported": {narrow, &echo{}, &loader{holds: 2}, "HeadDim is 48"},
		"rows that are not aligned":    {odd, &echo{}, &loader{holds: 2}, "FFN 132"},
		"a group that is too large":    {crowded, &echo{}, &loader{holds: 2}, "9 query heads share"},
		"blocks that cross tiles":      {blocks, &echo{}, &loader{holds: 2}, "blocks of 48 positions"},
		"splits of parts of steps":     {splits, &echo{}, &loader{holds: 2}, "splits of 96 positions"},
		"warps with nothing to copy":   {warps, &echo{}, &loader{holds: 2}, "8 warps for attend_prefill"},
		"a ring of one stage":          {stages, &echo{}, &loader{holds: 2}, "rings of 1 and 2 stages"},
		"a block that fits nowhere":    {tinySpec(t), &echo{}, &loader{}, "kernel attend_decode: no multiprocessor"},
	} {
		set, err := kernels.Load(t.Context(), c.dev, c.compiler, c.spec)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if set != nil || c.dev.loaded != c.dev.unloaded {
			t.Errorf("%s: %d modules are loaded, %d unloaded", name, c.dev.loaded, c.dev.unloaded)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := kernels.Load(ctx, &loader{holds: 2}, &echo{}, tinySpec(t)); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is done: %v", err)
	}
}

// TestLaunches looks at grids: one block for each of a bucket's rows, however
// few of them count.
func TestLaunches(t *testing.T) {
	dev := &loader{holds: 2}
	set, err := kernels.Load(t.Context(), dev, &echo{}, tinySpec(t), "rms_norm", "seeded", "tables", "silu")
	if err != nil {
		t.Fatal(err)
	}
	if dev.loaded != 4 {
		t.Errorf("%d units are loaded, of 4", dev.loaded)
	}
	for _, err := range []error{
		set.Norm(1, &kernels.NormParams{}, 48), set.Seeded(1, &kernels.SeededParams{Elements: 2049}), set.Tables(1, &kernels.TablesParams{}, 1<<20),
	} {
		if err != nil {
			t.Error(err)
		}
	}
	want := [][3]uint32{{48, 1, 1}, {2, 1, 1}, {8, 1, 1}}
	for i, l := range dev.launched {
		if l.Grid != want[i] || l.Block[1] != 1 || l.Block[0]%32 != 0 || len(l.Params) == 0 {
			t.Errorf("launch %d: %+v, want a grid of %v", i, l, want[i])
		}
	}
	for what, c := range map[string]struct {
		err  error
		want string
	}{
		"no rows":       {set.Norm(1, &kernels.NormParams{}, 0), "rms_norm: a grid of [0 1 1]"},
		"too many rows": {set.SiLU(1, &kernels.SiluParams{}, 1<<16), "silu: a grid of [1 65536 1]"},
		"not loaded":    {set.Embed(1, &kernels.EmbedParams{}, 1), "embed is not loaded"},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", what, c.err, c.want)
		}
	}
}
