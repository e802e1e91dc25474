package calibrate

import (
	"time"

	"tierlab/engine"
	"tierlab/sim/steptime"

	"gonum.org/v1/gonum/mat"
)

// way is a request's way in and out: what lies between the client's clock and
// the engine's, which are one here.
type way struct {
	prompt, output  int
	in, first, last time.Duration
}

// ways joins what clients saw with the engine's account of the same requests,
// by the prompts' lengths. Lengths that two requests of a load share are left
// out.
func ways(seen []answer, done []engine.Usage) []way {
	byLength := map[int]*engine.Usage{}
	for i := range done {
		u := &done[i]
		if _, twice := byLength[u.Prompt]; twice {
			u = nil
		}
		byLength[done[i].Prompt] = u
	}
	asked := map[int]int{}
	for _, a := range seen {
		asked[a.prompt]++
	}
	var all []way
	for _, a := range seen {
		u := byLength[a.prompt]
		if u == nil || asked[a.prompt] > 1 {
			continue
		}
		all = append(all, way{
			prompt: a.prompt, output: u.Output,
			in: u.Arrived - a.Sent, first: a.First - u.First, last: a.Done - u.Done,
		})
	}
	return all
}

// overhead fits the ways: a fixed part and one for each token, neither
// negative.
func overhead(all []way) (steptime.Overhead, error) {
	in, inBy := make([]float64, 0, len(all)), make([]float64, 0, len(all))
	out, outBy := make([]float64, 0, 2*len(all)), make([]float64, 0, 2*len(all))
	for _, w := range all {
		in, inBy = append(in, float64(w.in)), append(inBy, float64(w.prompt))
		out, outBy = append(out, float64(w.first), float64(w.last)), append(outBy, 1, float64(w.output))
	}
	enter, err := line(inBy, in)
	if err != nil {
		return steptime.Overhead{}, err
	}
	leave, err := line(outBy, out)
	if err != nil {
		return steptime.Overhead{}, err
	}
	return steptime.Overhead{In: enter[0], InPerToken: enter[1], Out: leave[0], OutPerToken: leave[1]}, nil
}

// line fits y = c0 + c1 x with c0, c1 >= 0, in the manner of the step times:
// errors count relative to the line, and what lies far above a first line was
// stopped by something else on the machine.
func line(x, y []float64) ([]float64, error) {
	c, err := weighted(x, y)
	if err != nil {
		return nil, err
	}
	var keptX, keptY []float64
	for i := range x {
		if y[i] < slowest*(c[0]+c[1]*x[i]) {
			keptX, keptY = append(keptX, x[i]), append(keptY, y[i])
		}
	}
	return weighted(keptX, keptY)
}

// weighted fits a line by errors relative to it.
func weighted(x, y []float64) (c []float64, err error) {
	const least = 1000 // ns, of what an error is relative to
	a, b := mat.NewDense(max(1, len(x)), 2, nil), mat.NewVecDense(max(1, len(x)), nil)
	for round := range 1 + refits {
		for i := range x {
			scale := y[i]
			if round > 0 {
				scale = c[0] + c[1]*x[i]
			}
			scale = max(scale, least)
			a.Set(i, 0, 1/scale)
			a.Set(i, 1, x[i]/scale)
			b.SetVec(i, y[i]/scale)
		}
		if c, err = nonNegative(a, b); err != nil {
			return nil, err
		}
	}
	return c, nil
}
