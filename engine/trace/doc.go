// Package trace records what an engine asked of its scheduler and when, so that
// the run can be planned again without a device, and every plan compared.
//
// # Format
//
// A trace is JSON Lines, in the order of the calls. "t" is the time that a call
// was handed, in nanoseconds since the engine's start; fields that are 0, false
// or empty are left out.
//
//	{"kind":"engine","schema":"tierlab-trace/v1", ...}
//
// The first line: the fields of Engine.
//
//	{"kind":"add","t":..,"id":..,"session":..,"tenant":..,"priority":..,
//	 "max":..,"forced":true,"host":true,"keep_ns":..,"keep_priority":..,
//	 "fork":..,"from":..,"keep":..,"ids":[..],"refused":"full"}
//
// A request was added. Its prompt is the first "keep" tokens of the context of
// request "from", which has ended (its prompt and its output), and then "ids".
// Contexts of different tenants share no cache; tenants are numbered in the
// order in which they came. "refused" is there when Add returned an error.
//
//	{"kind":"cancel","t":..,"id":..}
//	{"kind":"idle","t":..}
//
// A request was cancelled; Next had nothing to plan.
//
//	{"kind":"plan","t":..,"plan":..,"rows":[[seq,slot,start,n,flags],..],
//	 "copies":[[from,to,tokens],..],"tables":"16 hex digits"}
//
// Next made a plan. A row's flags are 1 where it samples and 2 where its last
// input token is on the device. "tables" is the digest of the rows' blocks.
//
//	{"kind":"commit","t":..,"plan":..,"tokens":[..],"ends":[..]}
//
// A plan has run: the token of each row that samples, and the indices of those
// tokens that ended their output.
//
// A trace holds the requests' prompts and outputs as token ids: it is as
// private as they are.
//
// # What a trace fixes
//
// The scheduler and its cache are pure, so the same calls at the same times
// give the same plans; Replay makes them again and compares each. A trace does
// not hold the cost model of the stall bound: Replay is handed the same one.
// Numbers of sessions differ from run to run, which changes no plan.
package trace
