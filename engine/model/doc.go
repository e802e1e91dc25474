// Package model describes decoders of the Llama family and reads their
// weights.
package model
