// Package rng gives random draws that depend on what they are for, not on
// when they are made.
//
// A draw is a pure function of a key: (seed, replication, session, step,
// attempt, purpose, entity). Two policies that meet the same session therefore
// meet the same luck (common random numbers), and the order in which events
// happen, the number of threads and the draws made by others do not matter.
// A key is folded word by word into a Stream; every Stream yields exactly one
// uniform, and a distribution is sampled through its inverse (one uniform, no
// rejection), so a monotone change of a parameter moves a sample monotonically.
//
// The folding step is the 128-bit multiply-and-xor of wyhash (Wang Yi,
// https://github.com/wangyi-fudan/wyhash, public domain); the finaliser is
// SplitMix64's (Steele, Lea, Flood, OOPSLA 2014).
package rng

import (
	"math"
	"math/bits"
)

// Purpose says what a draw decides, so that two decisions about one entity
// never share a uniform.
type Purpose uint64

// The purposes in use. The numbers are part of the result of every run: add
// at the end, never renumber.
const (
	Arrival Purpose = 1 + iota
	Resample
	Origin
	Jitter
	Loss
	Fault
	Quality
	QualityStep
	Validator
	Fatality
	Difficulty
	Predictor
	Backoff
	Policy
	ToolTime
	CacheHit
	ColdStart
	Generate
	Think
	Home
	Service
	Commit
	Token
	Content // of contexts: salts that name tokens
)

const (
	k0 = 0xa0761d6478bd642f
	k1 = 0xe7037ed1a0b428db
	k2 = 0x8ebc6af09c88c6e3
)

// Stream is a key that has been folded so far. The zero Stream is valid.
type Stream uint64

// New starts a stream from a run's seed and a replication's number.
func New(seed, replication uint64) Stream {
	return Stream(k2).Fold(seed).Fold(replication)
}

// Fold adds one word to the key.
func (s Stream) Fold(word uint64) Stream {
	hi, lo := bits.Mul64(uint64(s)^k0, word^k1)
	return Stream(hi ^ lo ^ uint64(s)*0x9e3779b97f4a7c15)
}

// For adds a purpose to the key.
func (s Stream) For(p Purpose) Stream { return s.Fold(uint64(p)) }

// FoldString adds a name to the key (FNV-1a of its bytes, then Fold).
func (s Stream) FoldString(name string) Stream {
	return s.Fold(Name(name))
}

// Name is the 64-bit FNV-1a hash of a name, for callers that hash a name once
// and fold it many times.
func Name(name string) uint64 {
	h := uint64(14695981039346656037)
	for i := 0; i < len(name); i++ {
		h = (h ^ uint64(name[i])) * 1099511628211
	}
	return h
}

// Uint64 is the draw as 64 uniform bits.
func (s Stream) Uint64() uint64 {
	z := uint64(s) + 0x9e3779b97f4a7c15
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb
	return z ^ (z >> 31)
}

// Uniform is the draw in the open interval (0, 1): 52 bits and a half, so
// neither end is ever reached and every inverse distribution stays finite.
func (s Stream) Uniform() float64 {
	return (float64(s.Uint64()>>12) + 0.5) * (1.0 / (1 << 52))
}

// IntN is the draw in [0, n), by multiplication (bias below n / 2^64). It
// panics when n <= 0.
func (s Stream) IntN(n int) int {
	if n <= 0 {
		panic("rng: IntN needs n > 0")
	}
	hi, _ := bits.Mul64(s.Uint64(), uint64(n))
	return int(hi)
}

// Bool is true with probability p.
func (s Stream) Bool(p float64) bool { return s.Uniform() < p }

// Exp is an exponential draw with the given mean, by inversion.
func (s Stream) Exp(mean float64) float64 { return -mean * math.Log(s.Uniform()) }

// Quantiler is an inverse cumulative distribution, as gonum's
// stat/distuv types have it: Quantile(p) for p in (0, 1).
type Quantiler interface{ Quantile(p float64) float64 }

// From samples a distribution through its inverse.
func (s Stream) From(q Quantiler) float64 { return q.Quantile(s.Uniform()) }

// Normal is a standard normal draw, by inversion.
func (s Stream) Normal() float64 { return math.Sqrt2 * math.Erfinv(2*s.Uniform()-1) }
