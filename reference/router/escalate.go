package router

import "slices"

// cascade starts with a small model and climbs the ladder of abilities by one
// for every answer that a validator refused (L. Chen, M. Zaharia, J. Zou,
// "FrugalGPT", 2023):
//
//	1B    8B  --refused-->  70B  --refused-->  frontier
//	      ^ first=1
type cascade struct {
	named
	first int
}

func newCascade(s Spec) Policy { return &cascade{named{s.String()}, s.count("first")} }

// Route implements Policy.
func (p *cascade) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	s.climb(s.rung(p.first + max(req.Escalation, 0)))
	reason := "cascade: first model"
	if req.Escalation > 0 {
		reason = "cascade: escalated"
	}
	s.answer(d, reason)
	d.Estimate = s.expected()
}

// trajectory is cascade for the first k steps of a session that a cheap model
// served, and from then on takes the most able model: errors of a long
// trajectory multiply, so a session that has gone on for long is given the
// best.
//
//	step   1    2    ...  k   | k+1 ...
//	       8B   8B   8B   8B  | frontier
type trajectory struct {
	named
	k, first int
}

func newTrajectory(s Spec) Policy {
	return &trajectory{named{s.String()}, s.count("k"), s.count("first")}
}

// Route implements Policy.
func (p *trajectory) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	rung, reason := s.rung(p.first+max(req.Escalation, 0)), "trajectory: cheap step"
	if req.History.Cheap >= p.k {
		rung, reason = s.top(), "trajectory: enough cheap steps"
	}
	s.climb(rung)
	s.answer(d, reason)
	d.Estimate = s.expected()
}

// threshold takes the least able model that is expected to be able enough:
//
//	ability - predicted difficulty >= tau
//
// With the quality model of the World an answer is then right with a
// probability of at least Phi(tau), if the prediction is: 0.84 at tau=1. It
// climbs by one for every answer refused. A router on predicted difficulty is
// what RouteLLM learns (I. Ong et al., 2024).
type threshold struct {
	named
	tau float64
}

func newThreshold(s Spec) Policy { return &threshold{named{s.String()}, s.number("tau")} }

// Route implements Policy.
func (p *threshold) Route(req *Request, v *View, d *Decision) {
	s := v.begin(req)
	reason := "threshold: none is able enough"
	rung, up := s.top(), max(req.Escalation, 0)
	for i, models := range s.t.ladder {
		if !(s.t.models[models[0]].ability-req.Difficulty >= p.tau) || !slices.ContainsFunc(models, s.able) {
			continue
		}
		if rung, reason = i, "threshold: able enough"; up == 0 {
			break
		}
		up--
	}
	s.climb(rung)
	s.answer(d, reason)
	d.Estimate = s.expected()
}
