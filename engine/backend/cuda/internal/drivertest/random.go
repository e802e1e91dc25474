package drivertest

import (
	"math/rand/v2"
	"slices"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
)

// program is a random sequence of operations of one stream, on a few buffers of
// which a model is kept.
type program struct {
	*bench
	t        *testing.T
	random   *rand.Rand
	mix      driver.Function
	buffers  []driver.Ptr
	model    [][]uint32
	captured []func() // what a launch of the exec does to the model
	exec     driver.Exec
}

const programWords = 96

// testRandom runs programs of copies, fills, launches and, if the driver has
// them, graphs that are captured, launched and updated on the way.
func testRandom(t *testing.T, b *bench) {
	for seed := range uint64(8) {
		p := &program{bench: b, t: t, random: rand.New(rand.NewPCG(seed, 1)), mix: b.function(t, "probe_mix")}
		for i := range 3 {
			p.model = append(p.model, counting(programWords, uint32(i)))
			p.buffers = append(p.buffers, b.upload(t, p.model[i]))
		}
		for range 40 {
			switch n := p.random.IntN(8); {
			case n < 6 || b.target.Basic:
				p.step()()
			case n == 6:
				p.capture()
			case p.exec != 0:
				check(t, b.LaunchGraph(p.exec, b.stream))
				p.apply()
			}
		}
		for i, buffer := range p.buffers {
			same(t, "a buffer after a random program", b.download(t, buffer, programWords), p.model[i])
			check(t, b.Free(buffer))
		}
		if p.exec != 0 {
			check(t, b.DropExec(p.exec))
		}
	}
}

// step queues one operation, and returns what it does to the model.
func (p *program) step() func() {
	i, j := p.random.IntN(len(p.buffers)), p.random.IntN(len(p.buffers))
	switch p.random.IntN(3) {
	case 0:
		from := p.random.IntN(programWords)
		n := 1 + p.random.IntN(programWords-from)
		value := byte(p.random.Uint32())
		check(p.t, p.Fill(p.buffers[i]+driver.Ptr(4*from), value, int64(4*n), p.stream))
		return func() {
			for k := from; k < from+n; k++ {
				p.model[i][k] = uint32(value) * 0x01010101
			}
		}
	case 1:
		if i == j {
			j = (i + 1) % len(p.buffers)
		}
		check(p.t, p.CopyWithin(p.buffers[i], p.buffers[j], 4*programWords, p.stream))
		return func() { p.model[i] = slices.Clone(p.model[j]) }
	}
	launch, params := mixOf(p.mix, p.buffers[i], programWords, p.random.Uint32N(250))
	check(p.t, p.Launch(launch, p.stream))
	return func() { p.model[i] = mixed(p.model[i], params) }
}

func (p *program) apply() {
	for _, f := range p.captured {
		f()
	}
}

// capture makes a graph of a few steps the exec: by an update where that is
// taken, else anew.
func (p *program) capture() {
	var does []func()
	check(p.t, p.BeginCapture(p.stream))
	for range 1 + p.random.IntN(2) {
		does = append(does, p.step())
	}
	g := must[driver.Graph](p.t)(p.EndCapture(p.stream))
	if p.exec == 0 || p.Update(p.exec, g) != nil {
		if p.exec != 0 {
			check(p.t, p.DropExec(p.exec))
		}
		p.exec = must[driver.Exec](p.t)(p.Instantiate(g))
	}
	p.captured = does
	check(p.t, p.DropGraph(g))
}
