package kernels

import (
	"fmt"
	"strconv"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/model"
	"tierlab/engine/sample"
)

// candidateBytes is the size of a Candidate of step.cuh.
const candidateBytes = 16

// ChooseWorkspace is how many bytes ChooseParams.Workspace takes for a grid of
// so many blocks: a candidate for each token, of which threads take four at a
// time.
func ChooseWorkspace(m model.Config, blocks int) int64 {
	turn := 4 * chooseThreads(m.Vocab)
	return candidateBytes * int64(blocks) * int64(ceilDiv(m.Vocab, turn)*turn)
}

// chooseThreads is how many threads choose a row's token: 512 leave each the
// registers for what boundary adds up.
func chooseThreads(vocab int) int { return min(512, max(32, vocab/4/32*32)) }

// Choose chooses the next tokens of a step. Blocks is how many rows are looked
// at at once, for which the workspace was made; more samples take turns.
func (s *Set) Choose(st driver.Stream, p *ChooseParams, blocks int) error {
	return s.launch(st, kChoose, [3]int{blocks, 1, 1}, 0, Bytes(p))
}

// chooseEntry hands the constants of package sample to the kernel.
func chooseEntry(m model.Config) entry {
	w := sample.Weights()
	exact := func(name string, v float64) string { return name + "=" + strconv.FormatFloat(v, 'x', -1, 64) }
	return entry{name: "choose", threads: chooseThreads(m.Vocab), macros: []string{
		fmt.Sprintf("WEIGHT_BITS=%d", w.WeightBits), fmt.Sprintf("WEIGHT_STEP_BITS=%d", w.StepBits),
		exact("WEIGHT_LEAST", w.Least), exact("WEIGHT_SCALE", w.Scale), exact("WEIGHT_C1", w.Series[0]),
		exact("WEIGHT_C2", w.Series[1]), exact("WEIGHT_C3", w.Series[2]), exact("WEIGHT_C4", w.Series[3]),
	}}
}
