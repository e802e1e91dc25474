// Package sample chooses the next token from a row of logits, and ends an
// output at its stop strings. It is pure: the same row and Pick give the same
// Choice, on any machine and whatever else is in the batch.
//
// # Order
//
//  1. The mask leaves the tokens that a grammar allows.
//  2. Temperature divides the logits; 0 takes the most likely token at once.
//  3. Top-k keeps the k most likely tokens.
//  4. Top-p keeps the smallest set of the most likely of these whose share of
//     their probability reaches p.
//  5. Min-p drops what is less likely than that share of the most likely token.
//  6. The token is drawn from what is left.
//
// That is the order of Hugging Face transformers
// (GenerationMixin._get_logits_processor: constraints, then temperature, top-k,
// top-p, min-p). vLLM masks, divides and applies min-p before top-k and top-p
// (vllm/v1/sample/sampler.py). The two differ only where top-p is used together
// with min-p, as min-p refers to the most likely token, which every step keeps:
// after min-p the same top-p is a share of less. We follow transformers because
// top-p then means the same with and without min-p. Unlike both, top-k keeps
// exactly k tokens: of equal logits those with the smaller ids.
//
// # Arithmetic
//
// A token's weight is the whole number nearest to 2^44 exp((l - max) / T), max
// being the largest logit that the mask allows. Sums of whole numbers do not
// depend on their order, so a device may add them up in any. The exponential is
// computed in float64 from IEEE-rounded operations that are never fused (weight
// in exp.go), so it has the same bits everywhere. A token that is 2^45 times
// less likely than the most likely one is never drawn; a row has at most 2^19
// logits, so that a sum fits in 64 bits.
//
// # Randomness
//
// Output token number i of a request draws the 64 bits
//
//	u = rng.New(Seed, 0).For(rng.Token).Fold(i).Uint64()
//
// (package internal/rng; a 128-bit product per word). Of the tokens that are
// left, in the order of their ids and with total weight W, it takes the first at
// which the sum of weights exceeds floor(u W / 2^64). Each token's probability
// is off by at most 2^-64 through that, and by 2^-45 of the most likely one's
// through the rounding of weights.
//
// # Log-probabilities
//
// They are those of the softmax of the logits as they came, at temperature 1 and
// without a mask, as OpenAI's and vLLM's default ("raw_logprobs"). A forced
// token's are too.
//
// # Errors
//
// A logit that is not finite is an error that names its position: it means that
// the model's arithmetic broke, and no token follows from it. So are a mask
// that leaves nothing and a forced token outside of the vocabulary.
//
// # Cost
//
// Nothing is sorted but the list of log-probabilities. The largest keys are
// found by their digits, most significant first (select.go), in time linear in
// the vocabulary whatever the logits are. Nothing allocates in the steady state.
package sample
