// Package null is a backend without arithmetic, for engines, gateways and load
// tests on any machine. Its memory holds token ids where keys and values would
// be, and its model reads every token of a context through the block table: a
// wrong block, copy, slot or order changes the output. So an engine that drives
// it wrongly is found out as on a device with weights.
//
// # The model
//
// The sum over the context's tokens of mix(id + position x c) is hashed once
// more, and the hash modulo the vocabulary is the token the model wants, the
// same whatever ran beside it. Its logit is Peak plus the hash's upper 24 bits
// as a fraction, all others are 0, so that two contexts with the same token
// have different logits. Of these logits the log-probabilities and Choice.Logits
// are exact. A forced token is taken as it is. Under a mask it is the wanted
// token or the next allowed id after it, in a circle; temperature, top-k, top-p,
// min-p and seed change nothing.
//
// # Time
//
// Without StepTime a step takes what it takes to hash its contexts, about a
// nanosecond a token, or nothing for a forced token that is all a row is asked
// for. With it, step times add up on the wall clock from Submit
// on, one step after another, and Wait sleeps until its step has ended.
//
// With Depth 1 a step runs when it is waited for: a caller that changes a step
// that is under way changes its result.
package null
