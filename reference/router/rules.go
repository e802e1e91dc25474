package router

import (
	"math"
	"slices"

	"tierlab/reference/topology"
)

// Rule names a hard rule; the empty Rule is none.
type Rule string

// The hard rules, in the order in which they are checked.
const (
	RuleTarget    Rule = "rule: no such target"
	RulePII       Rule = "rule: private data stays on the device"
	RulePin       Rule = "rule: the model is pinned"
	RuleModality  Rule = "rule: modality"
	RuleContext   Rule = "rule: context length"
	RuleResidency Rule = "rule: residency"
	RuleSwitch    Rule = "rule: switched off"
	RuleBudget    Rule = "rule: budget"
)

// gate is the hard rules made ready for one request.
type gate struct {
	v         *View
	req       *Request
	need      int // tokens of context
	modality  uint32
	pin       topology.ModelID
	pii       bool
	limited   bool // the budget is
	residency bool
}

func newGate(v *View, req *Request) gate {
	return gate{
		v: v, req: req,
		need:     contextNeed(req.Input, v.MaxOutput),
		modality: v.table.modality(req.Modality),
		pin:      req.Pin, pii: req.PII,
		limited:   !(req.History.USDLeft < 0),
		residency: req.Residency != nil,
	}
}

// contextNeed is the context that a prompt and its answer may take.
func contextNeed(input, output int) int {
	return min(max(input, 0), math.MaxInt-output) + output
}

// check returns the first rule that a deployment would break.
func (g *gate) check(s topology.SiteID, d *topology.Deployment) Rule {
	v := g.v
	device := s == v.World.DeviceSite
	l := &v.table.limits[d.Model]
	switch {
	case g.pii && !device:
		return RulePII
	case g.pin != topology.None && g.pin != d.Model:
		return RulePin
	case g.modality&l.modalities == 0:
		return RuleModality
	case g.need > l.context:
		return RuleContext
	case g.residency && !device && !slices.Contains(g.req.Residency, v.World.Sites[s].Region):
		return RuleResidency
	case v.off(s, d.Model):
		return RuleSwitch
	case g.limited && !(reserve(d, g.req.Input, v.MaxOutput) <= g.req.History.USDLeft):
		return RuleBudget
	}
	return ""
}

// target checks a policy's answer. The deployment is nil when there is none.
func (g *gate) target(t Target) (*topology.Deployment, Rule) {
	w := g.v.World
	if t.Site < 0 || int(t.Site) >= len(w.Sites) {
		return nil, RuleTarget
	}
	d := w.Deployment(t.Site, t.Model)
	if d == nil || d.Replicas < 1 || t.Replica != topology.None &&
		(t.Replica < d.First || int(t.Replica-d.First) >= d.Replicas) {
		return nil, RuleTarget
	}
	return d, g.check(t.Site, d)
}

// reserve is the price in dollars of a prompt that nothing of is cached and
// of an answer of the greatest length.
func reserve(d *topology.Deployment, input, output int) float64 {
	in := max(d.Price.In, d.Price.Cached)
	return (float64(max(input, 0))*in + float64(output)*d.Price.Out) / 1e6
}
