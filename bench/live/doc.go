// Package live replays a workload against real model servers: the wall-clock
// driver of the decisions that package sim drives by events. Sessions are
// reference/agent machines, attempts are routed by reference/router, model
// calls go over HTTP to the endpoint of the chosen deployment.
//
// # What is real and what is not
//
// Model calls are real. Tool calls and people take the time that the recording
// says (Agent.ToolCap and ThinkCap bound it), on timers. There is no journal,
// so commits take no time, and no validator: a configuration that asks for one
// is refused, as is one that compacts contexts.
//
// # The work is that of the recording
//
// A prompt has the recorded length and shares with other prompts exactly what
// the recording says: token ids are named by the shared prefix, or by the
// session and the step that they were first written in, and by their place
// there. Against tierlab's engine the recorded answer is forced through the
// model, so that the next prompt continues what the cache holds; other servers
// are asked for as many tokens (ignore_eos), and the next prompt carries the
// recorded turn in place of what they said.
//
// # Time
//
// Sessions arrive as recorded. Every timer that fires, and every session that
// begins, says by how much it was late (Report.Lag): a run whose 99th percentile
// of lag exceeds a bound did not offer the load that it says it did.
package live
