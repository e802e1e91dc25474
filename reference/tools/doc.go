// Package tools is the registry of what agents may do: each tool with its JSON
// Schemas, its limits, and what may be done about it after a failure.
//
// # A call
//
// Registry.Call takes these steps, and the first that fails ends the call:
//
//	find        the tool by name
//	arguments   size; JSON; the input schema. What runs is what was checked: the
//	            tool is handed the checked value in this package's own encoding
//	gate        Options.Gate, the kill switch
//	quota       the session's use of the tool so far, from its state
//	run         in a goroutine with a deadline. A tool that does not heed it is
//	            left behind: the call returns, what the tool returns later is
//	            dropped and counted (Registry.Late), and after Options.MaxLeft
//	            such calls the tool is refused until one ends. A panic is an
//	            error of the tool
//	result      size; JSON; the output schema; quota; keys and values of Writes;
//	            the size of the session's state
//
// A failure is content that a model can act on, with Failed set:
//
//	{"error": "arguments do not fit ...", "kind": "invalid_arguments",
//	 "problems": [{"path": "/by", "found": "string \"2\"", "want": "integer"}]}
//
// beside an *Error with the same Kind for the machine. A tool reports what its
// caller did wrong by Fail, without an error; an error from Run is for passing
// trouble, which the machine may try again as Error.Retryable says. Whether it
// does is decided in package agent.
//
// # Once or not at all
//
// A tool changes its session's state by Result.Writes only. They become durable
// in one write with the call's end: a call whose process dies has changed
// nothing, and one that is made again changes it once. So every tool whose
// effects are all in Writes and Sends is of the class Pure, however much it
// writes. For effects elsewhere there is the idempotency key (Key), and class
// Once for tools that take none.
//
// Writes follow from reads, so calls of a session that use its state must not
// overlap: Tool.Serial says which they are, and the session runs them one after
// the other, in the order in which the model asked for them, each on the state
// with the writes of the one before.
//
// # Quotas
//
// A session's use of a tool is a key of its state as well (quota/tool/NAME), and
// so is the state's size (quota/state). Call reads them from Call.State and adds
// what they become to Result.Writes, after failures too. That makes them exact
// over restarts, and since calls of tools with a quota are serial, over parallel
// calls. No tool can write under quota/. A call whose process died is counted
// when it is made again or given up (Registry.Unknown).
//
// # Calls within calls
//
// A tool that runs code lets it call other tools through Within: those that the
// session may call itself, without approval and price, on an overlay of the
// state. If the outer call fails, what they wrote is dropped.
//
// # Schemas
//
// JSON Schema 2020-12, or the draft that $schema names; arguments are an object.
// References stay within the schema. Schemas may come from servers that nobody
// trusts, so size, depth, numbers and the work of a validation are bounded.
//
// # Reading guide
//
// tool.go is the interface, call.go a call from start to end. Package builtin
// has the tools that come with the registry; package mcp takes tools from MCP
// servers and offers the registry as one.
package tools
