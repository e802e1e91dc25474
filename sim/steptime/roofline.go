package steptime

import (
	"time"

	"tierlab/reference/topology"
)

// Roofline is what an iteration's duration follows from on an accelerator that
// nobody has measured.
type Roofline struct {
	WeightBytes   float64 // read once an iteration
	FlopsPerToken float64 // twice the weights that a token uses
	FlopsPerPair  float64 // of attention: 4 x layers x heads x head_dim; 0 leaves it out
	KVBytes       float64 // of a token's keys and values: 2 x layers x kv_heads x head_dim x bytes of a value
	BytesPerS     float64 // memory bandwidth that the engine reaches
	FlopsPerS     float64 // arithmetic that the engine reaches
	Overhead      time.Duration
}

// Linear is the roofline as a model.
func (r Roofline) Linear() Linear {
	const second = float64(time.Second)
	return Linear{
		Constant: float64(r.Overhead) + r.WeightBytes/r.BytesPerS*second,
		Tokens:   r.FlopsPerToken / r.FlopsPerS * second,
		Context:  r.KVBytes / r.BytesPerS * second,
		Pairs:    r.FlopsPerPair / r.FlopsPerS * second,
	}
}

// Of is the model of a deployment's replica. Where StepPerSeq stands for no
// context (d.Context is 0), all that it has beyond a token's arithmetic is per
// row. A StepPerSeq below a token's arithmetic is taken for that arithmetic.
func Of(d *topology.Deployment) Linear {
	token := float64(time.Second) / d.PrefillTokS
	l := Linear{Constant: float64(d.StepBase), Tokens: token}
	if beyond := max(0, float64(d.StepPerSeq)-token); d.Context > 0 {
		l[Context] = beyond / float64(d.Context)
	} else {
		l[Rows] = beyond
	}
	return l
}
