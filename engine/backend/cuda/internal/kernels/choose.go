package kernels

import (
	"fmt"
	"strconv"

	"tierlab/engine/model"
	"tierlab/engine/sample"
)

// chooseThreads is how many threads choose a row's token.
func chooseThreads(vocab int) int { return min(512, max(32, vocab/4/32*32)) }

// ChooseWorkspace is how many bytes ChooseParams.Workspace takes for a grid of
// that many blocks: a candidate for each token.
func ChooseWorkspace(m model.Config, blocks int) int64 { return 16 * int64(m.Vocab) * int64(blocks) }

// chooseUnit hands the constants of package sample to the kernel.
func (s Spec) chooseUnit() Unit {
	w := sample.Weights()
	exact := func(name string, v float64) string { return name + "=" + strconv.FormatFloat(v, 'x', -1, 64) }
	return s.Unit("choose", "choose.cu",
		fmt.Sprintf("CHOOSE_THREADS=%d", chooseThreads(s.Model.Vocab)),
		fmt.Sprintf("WEIGHT_BITS=%d", w.WeightBits), fmt.Sprintf("WEIGHT_STEP_BITS=%d", w.StepBits),
		exact("WEIGHT_LEAST", w.Least), exact("WEIGHT_SCALE", w.Scale),
		exact("WEIGHT_C1", w.Series[0]), exact("WEIGHT_C2", w.Series[1]), exact("WEIGHT_C3", w.Series[2]), exact("WEIGHT_C4", w.Series[3]))
}
