package sample

import "tierlab/internal/rng"

// Params say how a request's tokens are drawn from the model's logits. The
// zero value takes the most likely token.
type Params struct {
	// Temperature divides the logits; 0 takes the most likely token, the one
	// with the smaller id where two are equal.
	Temperature float32
	// TopK keeps the TopK most likely tokens; 0 keeps all.
	TopK int
	// TopP keeps the smallest set of most likely tokens whose probability
	// reaches TopP; 0 and 1 keep all.
	TopP float32
	// MinP drops tokens less likely than MinP times the most likely one.
	MinP float32
	// Seed names the request's stream of random numbers, of which its output
	// token number i draws number i: what else is in the batch does not matter.
	Seed uint64
}

// Pick says how one row's next token is chosen.
type Pick struct {
	Params
	// Index is the number of the token in its request's output, from 0.
	Index int
	// Forced, if not negative, is the token to take whatever the logits are, as
	// a replay does with recorded ones. Log-probabilities are still those of
	// the logits.
	Forced int32
	// Mask has a bit for each token that may be taken (bit t%64 of word t/64);
	// nil allows all.
	Mask []uint64
	// Logprobs asks for the chosen token's log-probability and for those of
	// that many most likely tokens; negative: for none.
	Logprobs int
	// Logits asks for a copy of the row's logits, before temperature and mask.
	Logits bool
}

// Random are the 64 random bits that the pick draws: those of its stream at its
// index.
func (p *Pick) Random() uint64 {
	return rng.New(p.Seed, 0).For(rng.Token).Fold(uint64(p.Index)).Uint64()
}

// Logprob is a token's natural logarithm of its probability, by the softmax of
// the logits as the model gave them (temperature 1, no mask).
type Logprob struct {
	Token   int32
	Logprob float32
}

// Choice is what became of a Pick.
type Choice struct {
	Token   int32
	Logprob float32   // of Token; 0 unless asked for
	Top     []Logprob // the most likely first; empty unless asked for
	Logits  []float32 // [vocabulary]; empty unless asked for
}
