package session

import (
	"slices"

	"tierlab/workloads"
)

// bound says that rules hold for where a session's data may go. The router keeps
// its model calls to them; its tool calls may go to no tool that carries data
// elsewhere, and its messages only to sessions that are bound as tightly.
func bound(rules *workloads.DataRules) bool {
	return rules != nil && (rules.PII || len(rules.Residency) > 0)
}

// keeps says that a session keeps what a letter says to the rules of its sender:
// where one of the two is private, both are on the same device; else no region
// sees the letter that may not.
func keeps(to *created, m *letter) bool {
	if !bound(m.Data) {
		return true
	}
	own := to.Spec.Data
	switch {
	case !bound(own):
		return false
	case m.Data.PII || own.PII:
		return own.PII && to.Origin == m.Origin
	}
	return !slices.ContainsFunc(own.Residency, func(region string) bool { return !slices.Contains(m.Data.Residency, region) })
}
