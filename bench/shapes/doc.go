// Package shapes measures an engine under loads of a few named shapes, in
// process and without HTTP, so that one figure says one thing.
//
//	pp512      a prompt of 512 tokens alone: prompt tokens per second, from
//	           submission to the first output token
//	tg128      128 tokens alone, from a context of one token: output tokens per
//	           second over 128 forward passes. tg128@4096: from a prompt of 4,096
//	           tokens, whose prefill does not count
//	batch16    16 sequences decode 128 tokens each, side by side: output tokens
//	           per second from the last one's first token to the first one's end,
//	           so that all 16 run throughout
//	sessions16 16 sessions of 2 calls (64 tokens more, 32 out) over one shared
//	           prefix of 1,024 tokens, at once and one after another: output
//	           tokens per second of the first, and its ratio to the second
//	stall16384 a prompt of 16,384 tokens arrives while 4 sequences decode
//	           (stall:32768x16: another number of them): their p99 gap and its
//	           ratio to the one before it came; the prompt's time to first token
//	           and its ratio to the same prompt's alone
//	decode:32x1024  32 sequences decode 128 tokens each at a context of 1,024 tokens
//	           on average; their prompts are found in the cache
//	prefill:8192  pp8192 under another name
//
// Others are loads on a server over HTTP, which package serving plays; it says
// what they are. Their names are read here:
//
//	sharegpt:4000x200  requests and how many at once; sharegpt is that
//	load:8x400         requests per second, and requests in all
//	agentic:20x5x10    sessions, turns of each, sessions at once; agentic is that
//	startup:cold, startup:warm
//
// @0.1 behind the first three multiplies all lengths.
//
// pp and tg are llama-bench's names and shapes (llama.cpp, tools/llama-bench).
// Prompts are drawn by a counter, a different one each time, so that no prefix
// is found in the cache unless the shape shares it on purpose. Outputs have a
// fixed length, whatever the model says.
//
// Beside a rate stands what the model must at least do for it: bytes read from
// memory and floating-point operations (Work), so that a rate has a share of
// the machine's own ceilings (Ceilings); and what it took of the host's
// processors and of the devices' energy (Use).
package shapes
