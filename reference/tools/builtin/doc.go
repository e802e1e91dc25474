// Package builtin has the tools that come with the registry.
//
//	calculator   exact arithmetic
//	kv_get kv_set kv_list kv_delete kv_add
//	             JSON values that outlast the conversation
//	file_write file_read file_list file_delete file_edit
//	             a workspace of text files
//	run_code     JavaScript and WebAssembly in the sandbox
//	http_fetch   requests to hosts on a list; off unless it is configured
//
// The schemas stand in the code, one file each. They use only keywords that
// package engine/grammar has, so that a model can be held to them while it
// writes; what they cannot say is checked by the tool and answered as a failure.
//
// # Effects
//
// Values and files are keys of the session's state (kv/KEY and file/PATH). The
// tools return what they change as writes, so that each change happens once or
// not at all, and values and files go with the session when it is replayed,
// branched or moved. run_code is as repeatable as the tools that a program may
// call. http_fetch repeats GET freely, and POST under its idempotency key.
package builtin
