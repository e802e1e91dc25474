package sim

import (
	"math"
	"slices"

	"tierlab/internal/rng"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// quality is the model of success of DESIGN section 5, on keyed draws:
//
//	success  <=>  ability - difficulty > sqrt(rho) z(step) + sqrt(1-rho) z(step, model, attempt)
//
// with standard normal z. Where the recording knows which models solved a
// step, the record wins.
type quality struct {
	world        *topology.World
	shared, own  float64 // sqrt(rho), sqrt(1-rho)
	miss, alarm  float64
	fatal        float64
	predictorErr float64
}

func newQuality(w *topology.World) quality {
	rho := w.Quality.Rho
	return quality{
		world: w, shared: math.Sqrt(rho), own: math.Sqrt(1 - rho),
		miss: w.Validator.Miss, alarm: w.Validator.FalseAlarm, fatal: w.Validator.Fatal,
		predictorErr: w.Quality.PredictorError,
	}
}

// difficulty is a call's true difficulty: its own, or one drawn by kind. step
// is the step's key.
func (q *quality) difficulty(f *fact, step rng.Stream) float64 {
	if f.hard.SD == 0 {
		return f.hard.Mean
	}
	return f.hard.Mean + f.hard.SD*step.For(rng.Difficulty).Normal()
}

// predicted is what a router may be told of a difficulty.
func (q *quality) predicted(difficulty float64, step rng.Stream) float64 {
	if q.predictorErr == 0 {
		return difficulty
	}
	return difficulty + q.predictorErr*step.For(rng.Predictor).Normal()
}

// correct says whether a model's answer at an attempt is right.
func (q *quality) correct(l *workloads.LLM, difficulty float64, m topology.ModelID, step rng.Stream, attempt int32) bool {
	model := &q.world.Models[m]
	if slices.Contains(l.SolvedBy, model.Name) {
		return true
	}
	if slices.Contains(l.FailedBy, model.Name) {
		return false
	}
	z := q.shared*step.For(rng.QualityStep).Normal() +
		q.own*step.For(rng.Quality).Fold(uint64(m)).Fold(uint64(attempt)).Normal()
	return model.Ability-difficulty > z
}

// passes is the validator's verdict on an answer.
func (q *quality) passes(correct bool, step rng.Stream, attempt int32) bool {
	u := step.For(rng.Validator).Fold(uint64(attempt)).Uniform()
	if correct {
		return u >= q.alarm
	}
	return u < q.miss
}

// fatalIfAccepted says whether an error, once accepted, fails the session.
func (q *quality) fatalIfAccepted(step rng.Stream) bool {
	return step.For(rng.Fatality).Bool(q.fatal)
}
