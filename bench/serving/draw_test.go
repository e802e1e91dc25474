package serving

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"tierlab/bench/shapes"
	"tierlab/internal/rng"
)

// What the list follows; the package comment has the source.
const (
	listLength   = shapes.MostRequests
	listSeed     = 1
	promptMean   = 217.4
	outputMean   = 201.8
	promptSigma  = 1.6
	outputSigma  = 1.1
	leastTokens  = 4
	mostPrompt   = 1024
	mostTogether = 2048
)

// makeLengths draws the list.
func makeLengths() []Lengths {
	draws := rng.New(listSeed, 0).For(rng.Generate)
	prompts := fitted(promptMean, promptSigma, func(int) int { return mostPrompt }, draws.Fold(0))
	outputs := fitted(outputMean, outputSigma, func(i int) int { return mostTogether - prompts[i] }, draws.Fold(1))
	all := make([]Lengths, listLength)
	for i := range all {
		all[i] = Lengths{prompts[i], outputs[i]}
	}
	return all
}

// fitted are lengths with a mean, found by halving the range of mu: a larger mu
// makes no length shorter.
func fitted(mean, sigma float64, most func(i int) int, draws rng.Stream) []int {
	low, high := 0.0, 12.0
	var lengths []int
	for high-low > 1e-9 {
		mu := (low + high) / 2
		d := distuv.LogNormal{Mu: mu, Sigma: sigma}
		lengths = lengths[:0]
		sum := 0
		for i := range listLength {
			from, to := d.CDF(leastTokens-0.5), d.CDF(float64(most(i))+0.5)
			n := int(math.Round(d.Quantile(from + draws.Fold(uint64(i)).Uniform()*(to-from))))
			n = min(max(n, leastTokens), most(i))
			lengths = append(lengths, n)
			sum += n
		}
		if float64(sum)/listLength < mean {
			low = mu
		} else {
			high = mu
		}
	}
	return lengths
}
