package router

import (
	"time"

	"tierlab/reference/topology"
)

// Load is what a replica last reported.
type Load struct {
	At              time.Duration // when it was so
	Running, Queued int32
}

// View is what the router believes of the world. It is kept up by the
// router's Observe methods, never rebuilt.
type View struct {
	World *topology.World
	Now   time.Duration
	// Loads is indexed by ReplicaID.
	Loads []Load
	// Down is indexed by SiteID: the site reports itself out of service.
	Down []bool
	// MaxOutput and ExpectedOutput are what the router assumes of an answer's
	// length, in tokens, since nobody sees it: the bound that context and
	// budget are checked with, and the mean that latencies are estimated with.
	MaxOutput, ExpectedOutput int

	table *Table
	// least is the least load (running + queued) among a server's replicas, by
	// the server's number.
	least []int64
	// siteOff and modelOff are the kill switches; switched says that one has
	// ever been set.
	siteOff, modelOff []bool
	switched          bool
	// breakers are indexed by the first ReplicaID of a deployment; tripped
	// counts those that are not closed.
	breakers []Breaker
	tripped  int
	// search is the present decision's, kept here so that no decision has to
	// clear a new one.
	search search
}

// healthy says that the site is in service, as far as is known, and that the
// deployment's breaker lets a call through.
func (v *View) healthy(s *server) bool {
	return !v.Down[s.site] && (v.tripped == 0 || v.breakers[s.first].Allow(v.Now))
}

// observe takes in a report and keeps the server's least load up. Only when
// the least loaded replica's load rises are its fellows looked at.
func (v *View) observe(r topology.ReplicaID, l Load) {
	i := v.table.serverOf[r]
	before := v.Loads[r].sum()
	v.Loads[r] = l
	switch now := l.sum(); {
	case now <= v.least[i]:
		v.least[i] = now
	case before == v.least[i]:
		s := &v.table.servers[i]
		for k := range v.Loads[s.first : s.first+topology.ReplicaID(s.replicas)] {
			now = min(now, v.Loads[s.first+topology.ReplicaID(k)].sum())
		}
		v.least[i] = now
	}
}

func (l *Load) sum() int64 { return int64(l.Running) + int64(l.Queued) }

// load is a replica's last report. A user's own device serves one session, so
// it is always idle.
func (v *View) load(s *server, r topology.ReplicaID) Load {
	if s.tier == topology.Device {
		return Load{}
	}
	return v.Loads[r]
}
