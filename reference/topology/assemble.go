package topology

import (
	"fmt"
	"slices"
)

// Assemble makes a World ready for use from its exported fields and the links
// between its places, row by row (sites first, then origins; both ends of
// every pair). It numbers sites, models, origins and replicas by the order of
// their slices, sets DeviceSite and sorts the sites around every place. Absent
// StateSite and ToolSite mean that both are at the home. It takes over the
// slices of w.
func Assemble(w World, links []Link) (*World, error) {
	n := len(w.Sites) + len(w.Origins)
	if len(links) != n*n {
		return nil, fmt.Errorf("topology %q: %d links for %d places, need %d", w.Name, len(links), n, n*n)
	}
	w.links = links
	for i := range w.Models {
		w.Models[i].ID = ModelID(i)
	}
	for i := range w.Origins {
		w.Origins[i].ID = OriginID(i)
	}
	w.DeviceSite, w.Replicas = None, nil
	for i := range w.Sites {
		if err := w.number(SiteID(i)); err != nil {
			return nil, err
		}
	}
	if w.StateSite == nil {
		w.StateSite = slices.Repeat([]SiteID{None}, len(w.Sites))
	}
	if w.ToolSite == nil {
		w.ToolSite = slices.Repeat([]SiteID{None}, len(w.Sites))
	}
	w.index()
	w.rank()
	return &w, nil
}

// number gives site s its number and its replicas theirs.
func (w *World) number(s SiteID) error {
	site := &w.Sites[s]
	site.ID = s
	if site.Tier == Device {
		if w.DeviceSite != None {
			return fmt.Errorf("topology %q: sites %q and %q are both of tier device, which one site stands for",
				w.Name, w.Sites[w.DeviceSite].Name, site.Name)
		}
		w.DeviceSite = s
	}
	for i := range site.Deployments {
		d := &site.Deployments[i]
		if d.Model < 0 || int(d.Model) >= len(w.Models) {
			return fmt.Errorf("topology %q: site %q deploys model number %d of %d", w.Name, site.Name, d.Model, len(w.Models))
		}
		d.First = ReplicaID(len(w.Replicas))
		for range d.Replicas {
			w.Replicas = append(w.Replicas, Replica{Site: s, Index: int32(i), Model: d.Model})
		}
	}
	return nil
}

// index fills the lists and maps by which the methods find things.
func (w *World) index() {
	w.siteNames = make(map[string]SiteID, len(w.Sites))
	w.byTier = [Tiers][]SiteID{}
	w.serving = make([][]SiteID, len(w.Models))
	for _, s := range w.Sites {
		w.siteNames[s.Name] = s.ID
		w.byTier[s.Tier] = append(w.byTier[s.Tier], s.ID)
		for _, d := range s.Deployments {
			w.serving[d.Model] = append(w.serving[d.Model], s.ID)
		}
	}
	w.originNames = make(map[string]OriginID, len(w.Origins))
	for _, o := range w.Origins {
		w.originNames[o.Name] = o.ID
	}
	w.modelNames = make(map[string]ModelID, len(w.Models))
	for _, m := range w.Models {
		w.modelNames[m.Name] = m.ID
	}
}

// rank sorts, for every place, the sites by round trip. A key holds the round
// trip in nanoseconds and, for ties, the site's number; round trips of more
// than two hours count as equal.
func (w *World) rank() {
	const idBits, longest = 20, 1<<43 - 1
	n := len(w.Sites) + len(w.Origins)
	keys := make([]uint64, 0, len(w.Sites))
	all := make([]SiteID, 0, n*len(w.Sites))
	w.nearest = make([][]SiteID, n)
	for from := range n {
		keys = keys[:0]
		for s := range w.Sites {
			place := Place(s)
			if SiteID(s) == w.DeviceSite {
				if from < len(w.Sites) {
					continue // how far a device is depends on its user
				}
				place = Place(from)
			}
			keys = append(keys, uint64(min(w.Link(Place(from), place).RTT, longest))<<idBits|uint64(s))
		}
		slices.Sort(keys)
		start := len(all)
		for _, k := range keys {
			all = append(all, SiteID(k&(1<<idBits-1)))
		}
		w.nearest[from] = all[start:len(all):len(all)]
	}
}
