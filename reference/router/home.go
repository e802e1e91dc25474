package router

import (
	"fmt"
	"slices"
	"time"

	"tierlab/reference/topology"
	"tierlab/workloads"
)

// HomePolicy says where session actors live. The zero HomePolicy is "nearest":
// the home-capable site nearest to the origin, not the device. The others
// name a tier and take its nearest home-capable site; where the tier has none
// the tiers further out, then those further in.
type HomePolicy struct {
	tier  topology.Tier
	fixed bool // to the tier
}

// ParseHome reads "nearest" or a tier's name; "" is "nearest".
func ParseHome(text string) (HomePolicy, error) {
	if text == "" || text == "nearest" {
		return HomePolicy{}, nil
	}
	for t := topology.Device; t < topology.Tiers; t++ {
		if text == t.String() {
			return HomePolicy{tier: t, fixed: true}, nil
		}
	}
	return HomePolicy{}, fmt.Errorf("home %q is unknown; write nearest, device, metro, regional or central", text)
}

func (h HomePolicy) String() string {
	if !h.fixed {
		return "nearest"
	}
	return h.tier.String()
}

// Place is the home of sessions from an origin whose data may go anywhere. In
// a world without a home-capable site it is the site nearest to the origin.
func (h HomePolicy) Place(w *topology.World, o topology.OriginID) topology.SiteID {
	if s := h.PlaceFor(w, o, nil); s != topology.None {
		return s
	}
	return w.Nearest(w.OriginPlace(o))[0]
}

// PlaceFor is the home of a session with data rules, which bind the home as
// they bind every step, since the actor holds the whole conversation: a
// private session lives on the device, and residency limits the sites. None:
// no home-capable site keeps the rules.
func (h HomePolicy) PlaceFor(w *topology.World, o topology.OriginID, data *workloads.DataRules) topology.SiteID {
	best, least := topology.SiteID(topology.None), 0
	for _, s := range w.Nearest(w.OriginPlace(o)) {
		site := &w.Sites[s]
		if !site.Home || !mayHold(site, data) {
			continue
		}
		if far := h.distance(site.Tier); best == topology.None || far < least {
			best, least = s, far
		}
	}
	return best
}

// mayHold says whether data rules let a site hold a conversation. The user's
// own device may always: the data comes from there.
func mayHold(site *topology.Site, data *workloads.DataRules) bool {
	if data == nil || site.Tier == topology.Device {
		return true
	}
	return !data.PII && (data.Residency == nil || slices.Contains(data.Residency, site.Region))
}

// distance ranks tiers by how far they are from what is wanted.
func (h HomePolicy) distance(t topology.Tier) int {
	switch {
	case !h.fixed && t == topology.Device:
		return 1
	case !h.fixed:
		return 0
	case t >= h.tier:
		return int(t - h.tier)
	}
	return int(topology.Tiers) + int(h.tier-t)
}

// Migrate says whether a session whose user is now at the given origin should
// move its home, and where to: when each turn's round trip between user and
// home would fall by more than margin, which stands for what the move itself
// costs.
func (h HomePolicy) Migrate(w *topology.World, home topology.SiteID, o topology.OriginID, data *workloads.DataRules,
	margin time.Duration,
) (topology.SiteID, bool) {
	to := h.PlaceFor(w, o, data)
	if to == topology.None || to == home {
		return home, false
	}
	user := w.OriginPlace(o)
	saved := w.Link(user, w.PlaceOf(home, o)).RTT - w.Link(user, w.PlaceOf(to, o)).RTT
	if saved <= margin {
		return home, false
	}
	return to, true
}

// ToolPlace is where a tool call runs, by the platform's ToolsAt:
//
//	home      beside the session
//	data      where the data lives that the tool reads; the call travels, the
//	          data does not
//	a tier    at the platform's tool place in that tier
func ToolPlace(w *topology.World, t *workloads.Tool, home topology.SiteID, o topology.OriginID) topology.Place {
	at := w.PlaceOf(home, o)
	if w.Platform.ToolsAt == "data" {
		return dataPlace(w, t.Data, at, o)
	}
	if s := w.ToolsFor(home, o); s != topology.None {
		return w.PlaceOf(s, o)
	}
	return at
}

// dataPlace is where a tool's data lives: at the home, with the user, in the
// site of a tier that is nearest to the home, or at a named site. A name that
// the world does not know is the home.
func dataPlace(w *topology.World, data string, home topology.Place, o topology.OriginID) topology.Place {
	switch data {
	case "", "home":
		return home
	case "origin", topology.Device.String():
		return w.OriginPlace(o)
	}
	for t := topology.Metro; t < topology.Tiers; t++ {
		if data == t.String() {
			if s := w.NearestIn(home, t); s != topology.None {
				return w.SitePlace(s)
			}
			return home
		}
	}
	if s := w.SiteByName(data); s != topology.None {
		return w.PlaceOf(s, o)
	}
	return home
}
