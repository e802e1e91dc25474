package tools

import "strconv"

// Key is the idempotency key of a session's call: of the step and of the call
// within it, both from 0. No two calls of one journal share it, and a call that
// is made again has it again. A Keyed tool hands it to the far side, which
// performs what it has seen under the key at most once: http_fetch sends it as
// Idempotency-Key, an MCP client as the key of a request's _meta. Names of
// sessions hold no slash, so keys of two sessions differ; those of a session
// that was deleted and created again under its old name do not.
func Key(session string, step, index int) string {
	return session + "/" + strconv.Itoa(step) + "/" + strconv.Itoa(index)
}
