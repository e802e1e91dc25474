package drivertest

import (
	"slices"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
)

func testModules(t *testing.T, b *bench) {
	_, err := b.Load(nil)
	refused(t, "an empty image", err)
	_, err = b.Load([]byte("this is neither a cubin nor PTX"))
	refused(t, "a text as image", err)
	m := must[driver.Module](t)(b.Load(b.target.Image))
	_, err = b.Context.Function(m, "no_such_kernel")
	refused(t, "an unknown kernel", err)
	f := must[driver.Function](t)(b.Context.Function(m, "probe_mix"))
	a := must[driver.Attributes](t)(b.Attributes(f))
	if a.MaxThreads < mixThreads || a.Registers < 0 || a.StaticShared < 0 || a.Local < 0 {
		t.Errorf("attributes %+v", a)
	}
	if blocks := must[int](t)(b.Occupancy(f, mixThreads, 0)); blocks < 1 {
		t.Errorf("a multiprocessor holds %d blocks of %d threads", blocks, mixThreads)
	}
	check(t, b.Unload(m))
}

func testParams(t *testing.T, b *bench) {
	f := b.function(t, "probe_mix")
	for _, n := range []int{1, 63, 64, 65, 1000} {
		words := counting(n, 3)
		p := b.upload(t, words)
		launch, params := mixOf(f, p, n, 201)
		check(t, b.Launch(launch, b.stream))
		clear(launch.Params) // the driver has taken them
		same(t, "probe_mix", b.download(t, p, n), mixed(words, params))
		check(t, b.Free(p))
	}
}

func testGrid(t *testing.T, b *bench) {
	f := b.function(t, "probe_where")
	grid, block := [3]uint32{3, 2, 4}, [3]uint32{8, 4, 2}
	const n = 3 * 2 * 4 * 8 * 4 * 2
	p := b.upload(t, make([]uint32, n))
	where := whereParams{To: p}
	check(t, b.Launch(driver.Launch{Function: f, Grid: grid, Block: block, Params: params(&where)}, b.stream))
	var want []uint32
	for z := range grid[2] {
		for y := range grid[1] {
			for x := range grid[0] {
				for i := range block[0] * block[1] * block[2] {
					tx, ty, tz := i%block[0], i/block[0]%block[1], i/block[0]/block[1]
					want = append(want, x|y<<4|z<<8|tx<<12|ty<<20|tz<<24)
				}
			}
		}
	}
	same(t, "probe_where", b.download(t, p, n), want)
}

func testBadLaunch(t *testing.T, b *bench) {
	f := b.function(t, "probe_mix")
	p := b.upload(t, make([]uint32, 64))
	good, _ := mixOf(f, p, 64, 1)
	for _, bad := range []struct {
		what string
		set  func(*driver.Launch)
	}{
		{"no function", func(l *driver.Launch) { l.Function = 0 }},
		{"an empty grid", func(l *driver.Launch) { l.Grid[1] = 0 }},
		{"an empty block", func(l *driver.Launch) { l.Block[0] = 0 }},
		{"more than 1024 threads", func(l *driver.Launch) { l.Block = [3]uint32{64, 32, 1} }},
		{"no parameters", func(l *driver.Launch) { l.Params = nil }},
		{"more shared memory than a device has", func(l *driver.Launch) { l.Shared = 64 << 20 }},
	} {
		l := good
		bad.set(&l)
		refused(t, "a launch with "+bad.what, b.Launch(l, b.stream))
	}
	same(t, "memory after refused launches", b.download(t, p, 64), make([]uint32, 64))
}

func testShared(t *testing.T, b *bench) { b.reverse(t, b.function(t, "probe_reverse"), 40<<10) }

func testLargeShared(t *testing.T, b *bench) {
	const bytes = 64 << 10
	if b.Device().SharedOptin < bytes {
		t.Skipf("a block has at most %d bytes", b.Device().SharedOptin)
	}
	f := b.function(t, "probe_reverse")
	refused(t, "more than 1 GiB of shared memory", b.SetShared(f, 1<<30))
	check(t, b.SetShared(f, bytes))
	b.reverse(t, f, bytes)
}

// reverse runs three blocks with that much shared memory.
func (b *bench) reverse(t *testing.T, f driver.Function, shared int) {
	const blocks = 3
	n := shared / 4
	words := counting(n*blocks, 40)
	from, to := b.upload(t, words), b.upload(t, make([]uint32, n*blocks))
	p := reverseParams{From: from, To: to, Words: int32(n)}
	check(t, b.Launch(driver.Launch{Function: f, Grid: [3]uint32{blocks, 1, 1}, Block: [3]uint32{128, 1, 1}, Shared: shared, Params: params(&p)}, b.stream))
	for i := range blocks {
		slices.Reverse(words[i*n : (i+1)*n])
	}
	same(t, "probe_reverse", b.download(t, to, n*blocks), words)
}
