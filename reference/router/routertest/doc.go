// Package routertest is the conformance suite of routing policies, and the
// worlds that it and others test with.
package routertest
