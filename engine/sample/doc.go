// Package sample chooses the next token from a row of logits.
package sample
