// Package mcp takes tools from MCP servers into a registry, and offers a registry
// as an MCP server, over standard streams and over streamable HTTP. The protocol
// is the official Go SDK's.
//
// # Configuration
//
//	servers:
//	  - name: files                    # its tools are files__read, files__write
//	    command: [mcp-files, --root, .]
//	    env: {LOG: "off"}              # all that it gets of an environment,
//	    pass: [PATH]                   # with these of ours
//	    dir: .
//	    timeout_ms: 10000              # of a call; 30000
//	    start_ms: 5000                 # to connect and list; 15000
//	    tools: [read, write]           # to take; all
//	    repeat: {read: pure}           # once, keyed or pure; one word is for all
//	    hints: false                   # believe readOnlyHint and idempotentHint
//	    approval: [write]              # or true
//	    local: false                   # true: what it is told stays on this machine,
//	                                   # and sessions with data rules may call it
//	  - name: search
//	    url: https://mcp.example.com/v1
//	    headers: {Authorization: Bearer ...}
//
// # Trust
//
// A server is not trusted with anything but its own tools. What it says of them
// is checked as any other tool's: the name, with . and / as _, and the schemas,
// sizes and control characters; what is not well formed is left out and told of
// (Servers.LeftOut). It cannot take the name of another tool, since its own
// carry its name. What it claims to be repeatable is not believed unless the
// configuration says so: a tool is Once. Results are held to the tool's own
// output schema.
//
//	hangs at the start    Start, then it is killed
//	hangs at a call       Timeout; after three in a row it is started again
//	dies                  the call's outcome is unknown, which its class decides;
//	                      the next call starts the server, at growing distances
//	floods its output     8 MiB a message, 16 MiB at once, 1 MiB/s in the long
//	                      run; then the connection is ended
//	changes its tools     the registry follows, at most once a second
//
// A command's server runs with our user's rights: that is what the operator who
// names it gives. It ends with the connection, and on Unix its children do.
//
// # Repetition
//
// Each call carries its idempotency key in _meta (KeyMeta). Our own server
// performs a call once for each key that it still remembers, for as long as its
// client is connected.
package mcp
