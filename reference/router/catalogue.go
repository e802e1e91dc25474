package router

import (
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
	return []Entry{
		{"static-device", "always the user's device", nil, newStatic(topology.Device)},
		{"static-metro", "always the nearest metro site", nil, newStatic(topology.Metro)},
		{"static-regional", "always the nearest regional site", nil, newStatic(topology.Regional)},
		{"static-central", "always the nearest central site", nil, newStatic(topology.Central)},
		{"random", "a replica at random", []Param{tier, near}, newRandom},
		{"round-robin", "each replica in turn", []Param{tier, near}, newRoundRobin},
		{"least-loaded", "the replica with the least reported load per slot", []Param{tier, near}, newLeastLoaded},
		{"p2c", "the less loaded of two replicas drawn at random", []Param{tier, near}, newTwoChoices},
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

// count, number and the rest are the values of a spec's parameters, by name.
// A name that is not the entry's panics: the catalogue is wrong then.
func (s Spec) value(name string) value {
	for i := range s.entry.Params {
		if s.entry.Params[i].Name == name {
			return s.values[i]
		}
	}
	panic("router: policy " + s.entry.Name + " has no parameter " + name)
}

func (s Spec) count(name string) int { return int(s.value(name).number) }

// named gives a policy the name that its user wrote.
type named struct{ name string }

func (n named) Name() string { return n.name }
