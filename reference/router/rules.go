package router

import (
	"slices"

	"tierlab/reference/topology"
)

// Rule names a hard rule that an answer would break; the empty Rule is none.
// It is what Decision.Reason says when the Router replaces the answer.
type Rule string

// The rules, in the order in which they are checked.
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
	v        *View
	t        *Table
	req      *Request
	device   topology.SiteID
	pin      topology.ModelID
	input    float64
	output   float64
	there    float64 // dollars per token on the way from the home, at most
	back     float64 // dollars per answered token from the home to the user, at most
	usd      float64 // what the budget leaves
	modality uint32
	pii      bool
	limited  bool // the budget is
	resident bool // residency is limited
}

func (g *gate) begin(v *View, req *Request) {
	*g = gate{
		v: v, t: v.table, req: req,
		device:   v.World.DeviceSite,
		pin:      req.Pin,
		input:    float64(max(req.Input, 0)),
		output:   float64(v.MaxOutput),
		usd:      req.History.USDLeft,
		modality: v.table.modality(req.Modality),
		pii:      req.PII,
		limited:  !(req.History.USDLeft < 0),
		resident: req.Residency != nil,
	}
	if h := req.Home; h >= 0 && int(h) < len(g.t.sends) {
		g.there, g.back = g.t.sends[h].token, g.t.sends[h].streamed
	}
}

// fits says whether a prompt leaves a model room to answer: MaxOutput tokens,
// or a quarter of the context where that is less.
func (g *gate) fits(m *model) bool {
	return g.req.Input <= m.context-min(g.v.MaxOutput, m.context/4)
}

// check returns the first rule that a server would break. The comparison with
// the budget is such that a budget that is no number admits nothing.
func (g *gate) check(s *server) Rule {
	if g.pii && s.site != g.device {
		return RulePII
	}
	m := &g.t.models[s.model]
	switch {
	case g.pin != topology.None && g.pin != s.model:
		return RulePin
	case g.modality&m.modalities == 0:
		return RuleModality
	case !g.fits(m):
		return RuleContext
	case g.resident && s.site != g.device && !slices.Contains(g.req.Residency, g.v.World.Sites[s.site].Region):
		return RuleResidency
	case g.v.switched && (g.v.siteOff[s.site] || g.v.modelOff[s.model]):
		return RuleSwitch
	case g.limited && !(g.reserve(s) <= g.usd):
		return RuleBudget
	}
	return ""
}

// able says whether the rules let a model serve the request at all, whatever
// the site.
func (g *gate) able(id topology.ModelID) bool {
	m := &g.t.models[id]
	return (g.pin == topology.None || g.pin == id) && g.modality&m.modalities != 0 && g.fits(m) &&
		!(g.v.switched && g.v.modelOff[id])
}

// target checks a policy's answer. The server is nil when there is none.
func (g *gate) target(t Target) (*server, Rule) {
	if t.Site < 0 || int(t.Site) >= len(g.v.World.Sites) {
		return nil, RuleTarget
	}
	i := g.t.find(t.Site, t.Model)
	if i < 0 {
		return nil, RuleTarget
	}
	s := &g.t.servers[i]
	if t.Replica != topology.None && (t.Replica < s.first || t.Replica-s.first >= topology.ReplicaID(s.replicas)) {
		return nil, RuleTarget
	}
	return s, g.check(s)
}

// reserve is the price in dollars of the whole prompt at the dearer of the
// prices for new and for cached tokens, and of an answer of the greatest
// length, and of their bytes at the dearer of the prices that the home's and
// the site's providers take.
func (g *gate) reserve(s *server) float64 {
	return g.input*(s.in+g.there) + g.output*(s.out+g.back)
}
