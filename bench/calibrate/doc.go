// Package calibrate measures how long a real engine takes for its iterations
// and for a request's way in and out, and fits the step-time model by which the
// simulator, and the engine's own stall bound, predict it.
//
// # What is measured
//
// An iteration counts from the end of the one before, or from when there was
// work again, to its own end: planning, the forward pass, sampling, handing out
// the tokens. Loads come over HTTP from clients on the same machine, which read
// every token, so what they take from the engine's cores is in the figures, as
// it is when a workload is replayed from there.
//
// # The loads
//
//	decode   1, 2, 4, ... Slots sequences, at contexts of 32, 512, 2,048, 8,192, 32,768
//	prefill  lone prompts of 16 tokens to four times the budget
//	mixed    prompts that arrive while other sequences decode
//	resumed  a prompt that grows by 32, 128 or 1,024 tokens behind a context of 512
//	         to 32,768 that is found in the cache, alone and while others decode
//
// as far as slots, context and cache hold them, and as far as the engine computes
// a load's prompts in about a second, or they have at most 16,384 tokens: what is
// seconds for a GPU would be minutes for a processor. They are run Rounds times,
// in another order each time, and the last round is kept out of the fit: the
// profile says how far the model is from it.
//
// # The fit
//
// A sum of the features of steptime.Linear with coefficients of at least 0
// (Lawson and Hanson), errors relative to what was measured. Nothing is left
// out but iterations that took over four times the model's figure in a first
// fit, such as those during which the machine ran something else; their number
// is reported.
package calibrate
