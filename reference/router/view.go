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
	// siteOff and modelOff are the kill switches; switched says that any is set.
	siteOff, modelOff []bool
	switched          bool
	// breakers are indexed by the first ReplicaID of a deployment; tripped
	// counts those that are not closed.
	breakers []Breaker
	tripped  int
}

// off says that the kill switch of a site or of a model is set.
func (v *View) off(s topology.SiteID, m topology.ModelID) bool {
	return v.switched && (v.siteOff[s] || v.modelOff[m])
}

// healthy says that the site is in service, as far as is known, and that the
// deployment's breaker lets a call through.
func (v *View) healthy(s topology.SiteID, d *topology.Deployment) bool {
	return !v.Down[s] && (v.tripped == 0 || v.breakers[d.First].Allow(v.Now))
}

// load is a replica's last report. A user's own device serves one session, so
// it is always idle.
func (v *View) load(s topology.SiteID, r topology.ReplicaID) Load {
	if s == v.World.DeviceSite {
		return Load{}
	}
	return v.Loads[r]
}
