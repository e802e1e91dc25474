// Package steptime models how long an iteration of an inference engine takes,
// as sched.Coster asks: from its Shape alone, and never less when a row is
// added or grows. An engine's scheduler keeps its stall bound by such a model,
// and a simulated site lives by it. It is pure.
//
// # The form
//
// Both models are a Linear: a sum of features of the shape, each with a
// coefficient of at least 0, in nanoseconds.
//
//	feature    value                                     what it stands for
//	constant   1                                         weights read once, launches, the host's part
//	rows       rows                                      a sequence's own bookkeeping
//	tokens     tokens                                    products of weights and activations
//	tiles_16   ceil(tokens / 16)                         the same, where a matrix unit takes 16 rows at once
//	first_64   min(tokens, 64)                           the same, while a product is too narrow to reach its full rate
//	samples    rows that sample                          the output layer and sampling
//	context    over rows, start + n                      keys and values read
//	pairs      over rows, n x start + n x (n + 1) / 2    query-key products
//	chunk      1 if a row has more than one token        what a prefill costs whatever its length
//	prefill    tokens in rows of more than one           what a prompt's token costs beyond a decoded one
//
// Each feature stays or grows when a row is added or gets more tokens, so every
// Linear is a Coster.
//
// # Roofline
//
// For an engine that nobody has measured, with W bytes of weights, f operations
// and K bytes of keys and values a token, a operations a query-key pair, B
// bytes/s, F operations/s and o of overhead (Williams, Waterman, Patterson:
// Roofline, CACM 52(4), 2009):
//
//	StepTime = o + W / B + tokens f / F + context K / B + pairs a / F
//
// Times of arithmetic and memory are added rather than maximised, as in
// reference/topology, which overstates an iteration where they overlap. Of
// derives the same model from a deployment's speeds, so that both fidelities of
// the simulator start from the same figures: at the context that the
// deployment's StepPerSeq stands for, a decode iteration of n sequences takes
// StepBase + n StepPerSeq, and a lone prompt gets on at PrefillTokS.
//
// # Profile
//
// For an engine that has been measured, a Profile carries a fitted Linear, what
// a request takes beside the iterations, and how well both fit. It is a JSON
// document of schema "tierlab-steptime/v1", read strictly: an unknown or
// missing field, an unknown feature or a negative coefficient is an error that
// names it.
package steptime
