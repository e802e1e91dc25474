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
	v := Values(s)
	sum := 0.0
	for i, c := range l {
		sum += float64(c * v[i])
	}
	return time.Duration(math.Round(min(sum, longest)))
}
