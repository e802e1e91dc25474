// Package tools is the registry of what agents may do: each tool with its JSON
// Schemas, its limits, and what may be done about it after a failure.
package tools
