package steptime

import (
	"math"
	"time"

	"tierlab/engine/sched"
)

// Feature numbers what an iteration's duration is a sum of; the package comment
// says what each is.
type Feature uint8

// The features.
const (
	Constant Feature = iota
	Rows
	Tokens
	Tiles16
	First64
	Samples
	Context
	Pairs
	Chunk
	Prefill
	Features // their number
)

var names = [Features]string{"constant", "rows", "tokens", "tiles_16", "first_64", "samples", "context", "pairs", "chunk", "prefill"}

func (f Feature) String() string { return names[f] }

// FeatureByName finds a feature by the name that documents use.
func FeatureByName(name string) (Feature, bool) {
	for f, n := range names {
		if n == name {
			return Feature(f), true
		}
	}
	return 0, false
}

// Values are the features of a shape.
func Values(s sched.Shape) [Features]float64 {
	v := [Features]float64{
		Constant: 1, Rows: float64(s.Rows), Tokens: float64(s.Tokens), Tiles16: float64((s.Tokens + 15) / 16),
		First64: float64(min(s.Tokens, 64)), Samples: float64(s.Samples), Context: float64(s.Context),
		Pairs: float64(s.Pairs), Prefill: float64(s.Prefill),
	}
	if s.Prefill > 0 {
		v[Chunk] = 1
	}
	return v
}

// Linear is a model of an iteration's duration: nanoseconds for each unit of
// each feature, none negative.
type Linear [Features]float64

// longest keeps sums of many iterations within a time.Duration.
const longest = float64(math.MaxInt64 >> 16)

// StepTime is the duration of an iteration, to the nanosecond. Products are
// rounded before they are added, on every machine, so that equal shapes take
// equal times everywhere.
func (l *Linear) StepTime(s sched.Shape) time.Duration {
	return l.nanoseconds(l.fixed(s), s.Context, s.Pairs)
}

// fixed is the part that is the same for all iterations of a stable plan.
func (l *Linear) fixed(s sched.Shape) float64 {
	sum := l[Constant] + float64(l[Rows]*float64(s.Rows)) + float64(l[Tokens]*float64(s.Tokens)) +
		float64(l[Tiles16]*float64((s.Tokens+15)/16)) + float64(l[First64]*float64(min(s.Tokens, 64))) +
		float64(l[Samples]*float64(s.Samples)) + float64(l[Prefill]*float64(s.Prefill))
	if s.Prefill > 0 {
		sum += l[Chunk]
	}
	return sum
}

func (l *Linear) nanoseconds(fixed float64, context, pairs int64) time.Duration {
	return time.Duration(min(fixed+float64(l[Context]*float64(context))+float64(l[Pairs]*float64(pairs)), longest) + 0.5)
}

// Run adds up the durations of a stable plan's iterations, of shapes s,
// s.After(1) and so on: the first begins at begin, each further one when the one
// before has ended, as long as that is before until, and at most most in all. It
// returns the end of the last one and their number.
func (l *Linear) Run(s sched.Shape, begin, until time.Duration, most int) (end time.Duration, ran int) {
	fixed, context, pairs := l.fixed(s), s.Context, s.Pairs
	for end, ran = begin, 0; ran < most && (ran == 0 || end < until); ran++ {
		end += l.nanoseconds(fixed, context, pairs)
		context += int64(s.Rows)
		pairs += int64(s.Rows)
	}
	return end, ran
}
