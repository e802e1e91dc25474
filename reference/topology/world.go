package topology

import "time"

// SiteID, ModelID and OriginID number a World's sites, models and origins in
// the order of its slices. None is "no site".
type (
	SiteID   int32
	ModelID  int32
	OriginID int32
)

// None stands for no site or no model.
const None = -1

// World is a topology made ready for use: names resolved to numbers, round
// trips computed. It is immutable.
type World struct {
	Name string
	// About says in one line what the topology stands for.
	About string
	// Digest is the SHA-256, in hex, of the files that the world was read from.
	Digest    string
	Sites     []Site
	Models    []Model
	Origins   []Origin
	Platform  Platform
	Quality   Quality
	Validator Validator
	Faults    []Fault
	// DeviceSite is the one site of tier Device, or None. It stands for every
	// user's own device: it is where its session's origin is, and sessions do
	// not compete for it.
	DeviceSite SiteID
	// Replicas numbers every replica of every deployment.
	Replicas []Replica
	// StateSite is where an external state store lives for a home (indexed by
	// the home's SiteID), ToolSite where the tools are when they are in a tier
	// of their own; None: at the home itself. A device has no nearest site
	// without its user: StateFor and ToolsFor answer for every home.
	StateSite, ToolSite []SiteID

	links   []Link // place x place, row by row
	nearest [][]SiteID
	// The tier of the state store and of the tool place; Device: none.
	stateTier, toolTier Tier
	byTier              [Tiers][]SiteID
	serving             [][]SiteID // by model
	siteNames           map[string]SiteID
	originNames         map[string]OriginID
	modelNames          map[string]ModelID
}

// SitePlace is a site's place.
func (w *World) SitePlace(s SiteID) Place { return Place(s) }

// OriginPlace is an origin's place.
func (w *World) OriginPlace(o OriginID) Place { return Place(len(w.Sites)) + Place(o) }

// PlaceOf is where a site is for a session with the given origin: the device
// is where its user is.
func (w *World) PlaceOf(s SiteID, o OriginID) Place {
	if s == w.DeviceSite {
		return w.OriginPlace(o)
	}
	return Place(s)
}

// Link is the network between two places.
func (w *World) Link(a, b Place) *Link {
	n := len(w.Sites) + len(w.Origins)
	return &w.links[int(a)*n+int(b)]
}

// Nearest lists the sites by round trip from a place, nearest first, ties by
// number. From an origin it has all sites and begins with the device; from a
// site it leaves the device out, whose place depends on its user. The caller
// must not change the list.
func (w *World) Nearest(from Place) []SiteID { return w.nearest[from] }

// NearestIn is the first site of a tier in Nearest, or None.
func (w *World) NearestIn(from Place, t Tier) SiteID {
	for _, s := range w.nearest[from] {
		if w.Sites[s].Tier == t {
			return s
		}
	}
	return None
}

// StateFor is the site of the external state store of a session with the given
// home and origin, or None where state lives with the session.
func (w *World) StateFor(home SiteID, o OriginID) SiteID {
	return w.placeFor(w.StateSite, w.stateTier, home, o)
}

// ToolsFor is the site where the tools of a session with the given home and
// origin run, or None where they run at the home or beside their data.
func (w *World) ToolsFor(home SiteID, o OriginID) SiteID {
	return w.placeFor(w.ToolSite, w.toolTier, home, o)
}

func (w *World) placeFor(byHome []SiteID, tier Tier, home SiteID, o OriginID) SiteID {
	if home == w.DeviceSite && tier != Device {
		return w.NearestIn(w.OriginPlace(o), tier)
	}
	return byHome[home]
}

// SitesIn lists the sites of a tier by number. The caller must not change it.
func (w *World) SitesIn(t Tier) []SiteID { return w.byTier[t] }

// ServingSites lists the sites that have a model resident, by number. The
// caller must not change it.
func (w *World) ServingSites(m ModelID) []SiteID { return w.serving[m] }

// SiteByName, ModelByName and OriginByName find a number, or None.
func (w *World) SiteByName(name string) SiteID {
	if id, ok := w.siteNames[name]; ok {
		return id
	}
	return None
}

// ModelByName finds a model's number, or None.
func (w *World) ModelByName(name string) ModelID {
	if id, ok := w.modelNames[name]; ok {
		return id
	}
	return None
}

// OriginByName finds an origin's number, or None.
func (w *World) OriginByName(name string) OriginID {
	if id, ok := w.originNames[name]; ok {
		return id
	}
	return None
}

// ShareWithin is the share of users whose nearest site of a tier is at most
// one undisturbed round trip of the given length away.
func (w *World) ShareWithin(t Tier, rtt time.Duration) float64 {
	share := 0.0
	for _, o := range w.Origins {
		from := w.OriginPlace(o.ID)
		if s := w.NearestIn(from, t); s != None && w.Link(from, w.PlaceOf(s, o.ID)).RTT <= rtt {
			share += o.Weight
		}
	}
	return share
}

// EgressUSDPerGB is what 10^9 bytes cost on the way from one site to another;
// None is the user. Bytes that stay at a site cost nothing.
func (w *World) EgressUSDPerGB(from, to SiteID) float64 {
	a := &w.Sites[from]
	switch {
	case from == to:
		return 0
	case to != None && w.Sites[to].Provider == a.Provider:
		return a.RegionUSDPerGB
	}
	return a.EgressUSDPerGB
}

// Deployment is model m at site s, or nil.
func (w *World) Deployment(s SiteID, m ModelID) *Deployment {
	d := w.Sites[s].Deployments
	for i := range d {
		if d[i].Model == m {
			return &d[i]
		}
	}
	return nil
}
