// Package gateway serves an engine over HTTP with OpenAI's API, so that existing
// clients, agents and dashboards work against it.
//
// # Endpoints
//
//	POST /v1/chat/completions   a conversation; streamed with "stream": true
//	POST /v1/completions        prompts: a string, strings, token ids, lists of token ids
//	GET  /v1/models[/NAME]      the one model that is served
//	POST /tokenize              vLLM's: a prompt or messages; count, tokens, max_model_len
//	POST /detokenize            vLLM's: tokens; prompt, with special tokens spelled out
//	GET  /health                200, or 503 while draining and after the engine failed
//	GET  /metrics               Prometheus text
//
// With Config.APIKey all but the last two demand "Authorization: Bearer KEY". A
// body is JSON and says so in Content-Type: that keeps web pages, which may
// send only forms to other sites unasked, from using a server on localhost.
//
// # Several engines
//
// What is served is an engine, or a Site: the engines of a machine's GPUs, say,
// as replicas. A Site asks package router which of them takes a request, by their
// present load and by where the session's context is; requests without a session
// go by load alone. A request that one replica refuses for its queue is offered
// to the others before the client is told 429.
//
// # Parameters
//
// As OpenAI defines them: model (may be left out), messages, prompt, n,
// max_tokens, max_completion_tokens, temperature (default 1), top_p, seed, stop,
// stream, stream_options.include_usage, logprobs, top_logprobs, tools,
// tool_choice, parallel_tool_calls, response_format. As vLLM defines them:
// top_k, min_p, ignore_eos, stop_token_ids, priority (smaller is earlier; -127
// to 128), cache_salt (requests with different ones share no cache),
// add_special_tokens (completions), return_token_ids. Ours:
//
//	session         requests of one session share a place in the queue's order
//	keep_ms         keep the context in the cache that long after the response,
//	                as over a tool call
//	force_tokens    token ids to put out, whatever the model prefers: a replay of
//	                recorded outputs through the real forward pass
//	return_timings  add "timings": queue_ms, prefill_ms, decode_ms by the engine's
//	                clock, tokens, preemptions. In a stream they come with each
//	                output's finish_reason, in a whole response only for n = 1
//
// What OpenAI and vLLM have beyond that is refused with a 400 that names the
// parameter, unless its value asks for what is done anyway (presence_penalty 0)
// or cannot change an output (user, metadata, store, ...; decode.go has the
// lists). A name that nobody knows is refused too, as OpenAI does and vLLM does
// not: a misspelt max_tokens should not pass for a default.
//
// A message's content is a string or text parts, which are joined by line ends.
// Role developer is system. A chat without max_tokens may fill the context, a
// completion has 16 tokens.
//
// # Tools and JSON Schema
//
// What response_format and tool_choice ask for holds for any weights: the
// output is decoded under a grammar (package grammar says which part of JSON
// Schema it knows) that also ends it within max_tokens. If even the shortest
// such output takes more, the request is refused.
//
//   - tool_choice "required" or a function's name: the output is one call of such
//     a tool or, with parallel_tool_calls, up to 16 of them; of a named function one.
//   - "auto", the default with tools: the model decides, by writing what its
//     chat template says a call begins with (<tool_call> for ChatML; for Llama 3,
//     whose calls have no mark, an output that begins with an object). From
//     there on the call is decoded under the tools' schemas. Random weights
//     seldom call.
//   - "none": the tools are not shown to the model.
//
// A response_format beside tools lets the model do either; the llama3 template,
// where both are objects, cannot tell them apart and refuses that. A tool's
// schema with unknown keywords is an error with strict set; without, any object
// is taken for arguments, as OpenAI does. finish_reason is tool_calls whenever
// an output that ended by itself has calls, for a named function too (where
// OpenAI says stop). Reasoning between <think> marks is part of the content.
//
// # Responses
//
// Usage counts cached prompt tokens (usage.prompt_tokens_details.cached_tokens);
// a prompt counts once for all its n outputs. system_fingerprint names backend,
// numerics and kernels, on which an output's bits depend. With return_token_ids,
// token_ids stand beside each choice or delta and prompt_token_ids beside the
// first, as in vLLM.
//
// A stream's status and headers leave when the request is admitted to the
// queue. There is one chunk for each token, sent when the token is made; its
// delta is empty where the token adds no character: half a character, a mark, or
// the beginning of what may be a stop string or a call. Then comes an empty chunk
// with finish_reason, the usage if asked for, and [DONE]. A call's first delta
// has its id and name, later ones the arguments' text. With several outputs
// chunks are told apart by index. What fails after the start is an event with an
// error.
//
// # Errors
//
// Errors are {"error": {message, type, param, code}}:
//
//	400  invalid_request_error; code context_length_exceeded, unsupported_parameter
//	401  authentication_error, invalid_api_key
//	404  not_found_error; model_not_found
//	405, 408, 413, 415  method, slow body, large body, content type
//	429  rate_limit_exceeded, with Retry-After: the engine's queue is full
//	499  in the log: the client left before it was answered
//	500  server_error; engine_error
//	503  service_unavailable, draining, with Retry-After
//
// # Clients that leave, and the end
//
// A client that closes its connection, or reads nothing for Config.WriteTimeout
// while the server has something for it, ends its request: the engine frees the
// sequence and its memory. Nobody waits for a slow reader, since an engine's
// stream keeps what has not been read. Headers, bodies and idle connections have
// time limits; a stream as a whole has none.
//
// Serve drains when its context ends: new requests get 503, running ones end by
// themselves or are cut off when time is up.
//
// Each request has an id, the client's X-Request-Id or a new one, which its
// response carries and its line in the log names.
//
// # Metrics
//
// Names with vllm: mean what they mean in vLLM, with its buckets; NewMetrics and
// watch list them. Two differ in a detail: times are by the engine's clock, from
// when the engine took the request; and vllm:kv_cache_usage_perc is an upper
// bound, exact but for what requests share.
package gateway
