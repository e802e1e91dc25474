// Package gateway serves an engine over HTTP with OpenAI's API.
package gateway
