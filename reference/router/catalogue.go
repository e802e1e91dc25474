package router

import (
	"math"
	"strings"

	"tierlab/reference/topology"
)

// Entry is a built-in policy.
type Entry struct {
	Name   string
	Doc    string
	Params []Param
	build  func(Spec) Policy
}

// Catalogue lists the built-in policies.
func Catalogue() []Entry {
	tier := Param{"tier", TierName, "any", "balance over this tier only; any: metro, regional and central"}
	near := Param{"near", Count, "2", "how many sites of each tier take part, nearest to the home first"}
	first := Param{"first", Count, "1", "the model to start with, by ability: 0 is the least able"}
	ability := Param{"ability", Limit, "none", "the least ability that will do"}
	return []Entry{
		{"static-device", "always the user's device", nil, newStatic(topology.Device)},
		{"static-metro", "always the nearest metro site", nil, newStatic(topology.Metro)},
		{"static-regional", "always the nearest regional site", nil, newStatic(topology.Regional)},
		{"static-central", "always the nearest central site", nil, newStatic(topology.Central)},
		{"random", "a replica at random", []Param{tier, near}, newRandom},
		{"round-robin", "each replica in turn", []Param{tier, near}, newRoundRobin},
		{"least-loaded", "the replica with the least reported load per slot", []Param{tier, near}, newLeastLoaded},
		{"p2c", "the less loaded of two replicas drawn at random", []Param{tier, near}, newTwoChoices},
		{"nearest", "the nearest site with a free slot", []Param{
			{"tier", TierName, "metro", "the tier to start from; those further out follow"},
		}, newNearest},
		{"session-affinity", "where the session is warm, else by rendezvous hash", []Param{tier, near}, newSessionAffinity},
		{"history", "long sessions to the centre, others to the edge (CLAIMS C12, pattern 1)", []Param{
			{"steps", Count, "5", "a session with more steps is long"},
		}, newHistory},
		{"keyword", "by words of the task and length of the context (CLAIMS C12, pattern 2)", nil, newKeyword},
		{"latency-budget", "the most able model that keeps the step's latency budget", []Param{
			{"default", Duration, "5s", "the budget of steps that state none"},
		}, newLatencyBudget},
		{"cost-cap", "the most able model below a price per attempt", []Param{
			{"usd", Limit, "0.01", "the cap in dollars, or none"},
		}, newCostCap},
		{"min-latency", "the least expected latency: network, queue, prefill, decode", []Param{ability}, newMinLatency},
		{"hedged", "min-latency, and a second attempt when the first token is late", []Param{ability,
			{"factor", Number, "2.9957", "late is this many times the expected time to the first token"},
		}, newHedged},
		{"cascade", "a small model first, the next larger one when a validator refuses", []Param{first}, newCascade},
		{"trajectory", "cascade for k cheap steps, then the most able model", []Param{
			{"k", Count, "8", "how many accepted steps may run on cheap models"}, first,
		}, newTrajectory},
		{"threshold", "the least able model that is able enough for the predicted difficulty", []Param{
			{"tau", Number, "1", "by how much ability must exceed difficulty"},
		}, newThreshold},
		{"oracle", "the quickest right answer, knowing the future: a reference, no bound", nil, newOracle},
	}
}

func find(name string) *Entry {
	c := Catalogue()
	for i := range c {
		if c[i].Name == name {
			return &c[i]
		}
	}
	return nil
}

// takes says which parameters a policy has.
func (e *Entry) takes() string {
	if len(e.Params) == 0 {
		return "takes none"
	}
	names := make([]string, len(e.Params))
	for i := range e.Params {
		names[i] = e.Params[i].Name
	}
	return "takes " + strings.Join(names, ", ")
}

// value is a parameter by name. A name that is not the entry's panics: the
// catalogue is wrong then.
func (s Spec) value(name string) value {
	for i := range s.entry.Params {
		if s.entry.Params[i].Name == name {
			return s.values[i]
		}
	}
	panic("router: policy " + s.entry.Name + " has no parameter " + name)
}

func (s Spec) count(name string) int { return int(s.value(name).number) }

func (s Spec) number(name string) float64 { return s.value(name).number }

// limit is a number; where there is none it is the one given.
func (s Spec) limit(name string, none float64) float64 {
	if n := s.number(name); !math.IsNaN(n) {
		return n
	}
	return none
}

// named gives a policy the name that its user wrote.
type named struct{ name string }

func (n named) Name() string { return n.name }
