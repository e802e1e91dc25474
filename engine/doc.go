// Package engine serves requests for tokens on one backend, many at a time.
//
// # Parts
//
// An Engine puts parts together that decide or compute, and each of them is
// usable alone:
//
//	sched, kv    which sequences enter an iteration, and which blocks they use
//	backend      computes an iteration
//	sample       how the next token is chosen, where an output ends
//	grammar      which tokens may come next
//	tokenizer    text
//	trace        a record from which every plan can be made again
//
// What is its own is the loop between them. To read it: sequence.go is a
// request's life, loop.go drives the parts, stream.go is what a caller sees.
//
// # The loop
//
// One goroutine owns the scheduler, its cache and the backend. A round of it:
//
//	receive   hand new requests and cancellations to the scheduler
//	plan      Next, fill in tokens and picks, Submit: until Depth steps are ahead
//	commit    Wait, give each sequence its token, Commit, follow its events
//
// and when there is nothing to plan it sleeps until somebody calls. A plan
// names lengths and slots; tokens are filled in here from each sequence's
// prompt and output, masks from its grammar. Callers reach the loop through a
// mailbox and never wait for each other: a prompt is checked, copied and hashed
// in its caller's goroutine (about 7 ns a token, so 0.1 ms for 16k), and output goes
// to a Stream, which keeps what its reader has not taken.
//
// # A request's life
//
//	Submit -> queued -> started <-> preempted -> ended
//	   |         |         |            |
//	   |         +---------+------------+--> cancelled: by Cancel, its context, or Close
//	   +--> refused: RequestError, ErrFull, ErrDraining, ErrClosed
//
// Submit answers when the scheduler has taken the request in, at the latest
// after the iteration that is running: that the queue is full is for the
// scheduler alone to say. A cancelled stream ends at once; its blocks are freed
// before the next iteration.
//
// An output ends with FinishStop at an end-of-sequence token, a stop token, a
// stop string or a complete grammar, and else with FinishLength. A token that
// ends it is in the output, without text. Text comes in whole characters, and
// never as part of a stop string: what might become either is held back until
// it is decided, and comes with the last token at the latest.
//
// # Promises
//
//	EN-1  On a backend with batch invariance a request's tokens, text and
//	      log-probabilities are the same whatever else runs: alone, beside
//	      others, after a preemption, with its prompt computed or found.
//	EN-2  No reader, and no caller who goes away, holds up another.
//	EN-3  Every request that Submit let in ends, and its stream says why.
//	EN-4  Contexts of different tenants share no blocks: a tenant's contexts are
//	      hashed from a start that is drawn when the engine starts.
//	EN-5  What the scheduler was asked and answered is in the trace, in order.
//
// # Failure
//
// If the backend returns an error, breaks its contract visibly, or if the loop
// panics, all requests end with FinishAborted and that error, the backend is
// closed, and Submit and Err return the error from then on. A grammar that
// allows nothing, or refuses a token that it allowed, ends its request alone.
package engine
