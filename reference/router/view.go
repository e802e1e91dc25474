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

// load is a replica's last report. A user's own device serves one session, so
// it is always idle.
func (v *View) load(s *server, r topology.ReplicaID) Load {
	if s.tier == topology.Device {
		return Load{}
	}
	return v.Loads[r]
}
