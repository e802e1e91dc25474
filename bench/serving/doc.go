// Package serving plays loads on a server over HTTP and measures what its
// clients see, and what the server's process takes of the host: the server is a
// process of its own, so that the clients' work is not in its figures. Its
// processor time is what its own metrics say before and after a load
// (process_cpu_seconds_total), in hundredths of a second on Linux.
//
//	sharegpt  requests with the lengths of a list (below), so many at once: each
//	          client sends the next one when its last has ended. Requests and
//	          tokens per second from the first request's start to the last one's
//	          end
//	load      requests at a rate, at random (Poisson) whatever the server does,
//	          of mixed lengths: 7 in 10 of the list, 2 in 10 with 2,048 tokens in
//	          and 128 out, as a step of an agent, 1 in 10 with 8,192 in and 256 out,
//	          as a document; what latency the rate costs, and how late the client
//	          itself was
//	agentic   sessions of several turns, so many sessions at once. The first turn
//	          sends 4,096 tokens, each later one the context so far and 1,024 more;
//	          128 come back. Time to first token by the turn's number
//	startup   from starting the process to the first token of its first answer,
//	          with the parts that the server tells; cold: the cache of compiled
//	          kernels is empty, warm: it is as an earlier start has left it
//
// A scale multiplies all lengths, so that a small model on a slow machine can
// play the same load.
//
// TTFT, ITL and E2E are those of package target: from sending a request to its
// first token, between two tokens, and to the stream's end. A request that fails
// ends a measurement, but for a full queue (429) of an open load, which is
// counted. Before a load a tenth of its requests, at most as many as run at once,
// are played without being measured. Every prompt is drawn anew from the load's
// seed: nothing is found in the cache but what a session sent before.
//
// # The list of lengths
//
// sharegpt.csv has 4,000 pairs of prompt and output lengths in tokens, which the
// tests draw (makeLengths). What it follows is ShareGPT_V3_unfiltered_cleaned_split.json as
// vLLM's serving benchmark samples it: of 1,000 requests it reports 217,393 tokens
// in and 201,847 out ("Total input tokens", "Total generated tokens" in the logs
// that its users post), and it takes prompts of 4 to 1,024 tokens, outputs of at
// least 4, and at most 2,048 of both together. Lengths are lognormal within these
// bounds, drawn by the inverse of the truncated distribution; mu is fitted so that
// the list's means are 217.4 and 201.8. Published means do not fix the spread:
// sigma is 1.6 for prompts, many of which are one question and few a pasted
// document, and 1.1 for outputs, by assumption. Prompt and output are drawn
// independently. The list is a file since the last bit of a logarithm may differ
// from one processor to another, and lengths must not.
package serving
