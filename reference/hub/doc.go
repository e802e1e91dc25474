// Package hub makes the model calls of live sessions: against the engine in
// this process, against any server with the OpenAI API, or from a script whose
// turns are written in YAML. A session's router has chosen a deployment, a site
// and a model; a Caller says what stands behind it.
//
// # Scripts
//
// A Script answers from a file (schema tierlab-script/v1), so that a whole
// session can be shown, tested and repeated without a model:
//
//	schema  tierlab-script/v1
//	name    what messages call it
//	about   a sentence on it
//	task    the task that it solves
//	tools   the tools that its turns call
//	turns   a list
//
// A turn answers the calls for which all of its conditions hold; the first such
// turn does.
//
//	when           step (from 1), result (a part of the last tool result's text),
//	               model, site (names that the router chose); left out: always
//	say            the answer's text
//	calls          tool calls: tool, and arguments as a mapping, or as a text
//	               that is sent as it is, for a model that writes no JSON
//	fails          attempts that fail: status (rejected, error or timeout), and
//	               which: attempt (from 1), model, site; left out: any
//	prefill_ms     how long the first token takes
//	decode_ms      how long the rest takes
//	input_tokens, cached_tokens, output_tokens
//	               the usage; left out: nothing cached, and Estimate of the texts
//
// In texts {{ REFERENCE }} stands for a part of the call; an argument that is
// nothing but a reference has its JSON value and not its text. A reference is
// task, step, session, model, site, tool (the last tool result) or tools.N (the
// N-th result of the step before, from 1), the latter two followed by keys and
// list places such as tool.value or tools.2.rows.0. One that the call does not
// have is an error, which the session sees as a failed call.
//
// What a script answers depends on the call alone: session, step, attempt,
// place and messages. A process that was killed and started again gets the same
// answers, and so does a branch of a session up to where it differs.
//
// # Endpoints
//
// An Endpoint calls chat completions over HTTP, streamed, with tools. Temperature
// is the server's own. How a failure counts:
//
//	rejected   429
//	timeout    408, 504, a server that sends nothing for EndpointConfig.Patience,
//	           and the end of the context by its deadline
//	cancelled  the end of the context otherwise
//	error      any other status, a connection that fails, a stream that breaks
//	           off or holds an error
//
// Error.After has what the server said in Retry-After. A conversation's
// arguments that are no JSON object, which servers refuse, go back to the model
// as {"malformed": TEXT}.
//
// A server of this project (its models are owned by "tierlab") is also told the
// session, how long to retain the context and the tenant, and gives its own
// account of the time, from which Queue, Prefill and Decode come.
//
// # The engine in this process
//
// An Engine answers conversations through the gateway's HTTP surface, over
// connections in memory: one implementation of chat templates, call grammars and
// limits for clients near and far. Recorded calls (Call.Prompt, Call.Forced) are
// token ids and go to the engine itself.
package hub
