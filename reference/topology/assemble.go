package topology

import (
	"fmt"
	"slices"
)

// Assemble makes a World ready for use from its exported fields and the links
// between its places, row by row (sites first, then origins; both ends of
// every pair). It numbers sites, models, origins and replicas by the order of
// their slices, sets DeviceSite and sorts the sites around every place. It
// takes over the slices of w.
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
	w.nearest = make([][]SiteID, n)
	for p := range w.nearest {
		w.nearest[p] = w.sortAround(Place(p))
	}
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

// sortAround lists all sites by round trip from p. An origin's own device
// comes first.
func (w *World) sortAround(p Place) []SiteID {
	sites := make([]SiteID, len(w.Sites))
	for i := range sites {
		sites[i] = SiteID(i)
	}
	origin := int(p) >= len(w.Sites)
	slices.SortStableFunc(sites, func(a, b SiteID) int {
		if origin && (a == w.DeviceSite) != (b == w.DeviceSite) {
			if a == w.DeviceSite {
				return -1
			}
			return 1
		}
		ra, rb := w.Link(p, w.SitePlace(a)).RTT, w.Link(p, w.SitePlace(b)).RTT
		switch {
		case ra < rb:
			return -1
		case ra > rb:
			return 1
		}
		return int(a - b)
	})
	return sites
}
