package topology

import (
	"math"
	"slices"
)

// sites makes every site: device first where there is one, then in the order
// of the form and, within an entry, of its cities.
func (b *builder) sites() {
	serves, homes := 0, 0
	for i := range b.form.Sites {
		b.sitesOf(&b.form.Sites[i])
	}
	for _, s := range b.w.Sites {
		serves += len(s.Deployments)
		if s.Home {
			homes++
		}
	}
	if serves == 0 {
		b.add(b.form.At, "sites", "no site serves any model; give one a rack or deployments")
	}
	if homes == 0 {
		b.add(b.form.At, "sites", "no site has home: true, so that no session could live anywhere")
	}
}

// sitesOf makes the sites of one entry.
func (b *builder) sitesOf(f *siteForm) {
	tier, ok := tierByName(f.Tier)
	if !ok {
		b.add(f.At, "tier", "no tier %q%s", f.Tier, suggest(f.Tier, []string{"device", "metro", "regional", "central"}))
		return
	}
	proto := Site{Tier: tier, Home: f.Home, Stores: f.Stores, Provider: first(f.Provider, b.form.Provider)}
	if p := b.provider(proto.Provider, f.At); p != nil {
		proto.EgressUSDPerGB, proto.RegionUSDPerGB = p.EgressUSDPerGB, p.RegionUSDPerGB
	}
	proto.Deployments = b.deployments(f, proto.Provider)
	if f.Cache != nil {
		proto.Cache = ResponseCache{Share: f.Cache.HitShare, Latency: millis(f.Cache.LatencyMS)}
		for _, kind := range sortedKeys(f.Cache.HitShare) {
			if share := f.Cache.HitShare[kind]; share < 0 || share > 1 {
				b.add(f.Cache.At, "hit_share", "%g for %q is not a share; it must be from 0 to 1", share, kind)
			}
		}
	}
	switch {
	case tier == Device:
		b.deviceSite(f, proto)
	case f.Cities != nil:
		for _, i := range b.choose(f.Cities) {
			c := b.cities[i]
			b.place(f, proto, f.Name+"-"+c.slug, first(f.Region, c.region), c.at)
		}
	case f.City != "":
		if i, ok := b.cityAt(f.At, "city", f.City); ok {
			c := b.cities[i]
			b.place(f, proto, f.Name, first(f.Region, c.region), c.at)
		}
	case f.LatDeg != nil && f.LonDeg != nil && f.Region != "":
		b.place(f, proto, f.Name, f.Region, point{*f.LatDeg, *f.LonDeg})
	default:
		b.add(f.At, "", "say where site %q is: city, cities, or lat_deg, lon_deg and region", f.Name)
	}
}

func (b *builder) place(f *siteForm, s Site, name, region string, at point) {
	if b.siteNames[name] {
		b.add(f.At, "name", "site %q stands here twice", name)
	}
	b.siteNames[name] = true
	s.ID, s.Name, s.Region = SiteID(len(b.w.Sites)), name, region
	s.Lat, s.Lon = at.lat, at.lon
	s.Deployments = slices.Clone(s.Deployments) // each site numbers its own replicas
	b.w.Sites = append(b.w.Sites, s)
}

// deviceSite adds the one site that stands for every user's own device.
func (b *builder) deviceSite(f *siteForm, proto Site) {
	if b.w.DeviceSite != None {
		b.add(f.At, "tier", "there is a device site already: one stands for every user's device")
		return
	}
	if f.City != "" || f.Cities != nil || f.LatDeg != nil || f.LonDeg != nil {
		b.add(f.At, "", "a device is where its user is; leave its place out")
	}
	b.w.DeviceSite = SiteID(len(b.w.Sites))
	b.place(f, proto, f.Name, "", point{})
}

// deployments resolves an entry's rack and its own list.
func (b *builder) deployments(f *siteForm, provider string) []Deployment {
	list := f.Deployments
	if f.Rack != "" {
		rack, ok := b.form.Racks[f.Rack]
		if !ok {
			b.add(f.At, "rack", "no rack %q%s", f.Rack, suggest(f.Rack, sortedKeys(b.form.Racks)))
		}
		list = append(rack[:len(rack):len(rack)], list...)
	}
	seen := map[string]bool{}
	var out []Deployment
	for i := range list {
		if seen[list[i].Model] {
			b.add(list[i].At, "model", "model %q stands at site %q twice; raise replicas instead", list[i].Model, f.Name)
			continue
		}
		seen[list[i].Model] = true
		if d, ok := b.deployment(&list[i], provider); ok {
			out = append(out, d)
		}
	}
	return out
}

// origins makes the populations, weighted by the people of their cities.
func (b *builder) origins() {
	total := 0.0
	for _, i := range b.choose(b.form.Origins) {
		c := b.cities[i]
		total += c.people
		b.w.Origins = append(b.w.Origins, Origin{
			ID: OriginID(len(b.w.Origins)), Name: c.slug, Region: c.region,
			Lat: c.at.lat, Lon: c.at.lon, Weight: c.people,
		})
	}
	for i := range b.w.Origins {
		b.w.Origins[i].Weight /= total
	}
}

func (b *builder) cityAt(at pos, field, name string) (int, bool) {
	i, ok := b.citySlugs[slug(name)]
	if !ok {
		b.add(at, field, "no city %q in cities.csv%s", name, suggest(slug(name), sortedKeys(b.citySlugs)))
	}
	return i, ok
}

// choose gives the rows of cities.csv that a form names.
func (b *builder) choose(f *citiesForm) []int {
	var rows []int
	taken := make([]bool, len(b.cities))
	take := func(i int) {
		if !taken[i] {
			taken[i] = true
			rows = append(rows, i)
		}
	}
	for _, name := range f.Names {
		if i, ok := b.cityAt(f.At, "names", name); ok {
			take(i)
		}
	}
	if f.LastRank > 0 || f.FirstRank > 0 {
		from, to := max(f.FirstRank, 1), f.LastRank
		if to < from || to > len(b.cities) {
			b.add(f.At, "last_rank", "%d must be from first_rank (%d) to the number of cities (%d)", to, from, len(b.cities))
			return nil
		}
		for i := from - 1; i < to; i++ {
			take(i)
		}
	}
	if len(rows) == 0 {
		b.add(f.At, "", "no city is chosen; give names, or first_rank and last_rank")
		return nil
	}
	if f.Spread > len(b.cities)-len(rows) {
		b.add(f.At, "spread", "%d is more than the cities that are left (%d)", f.Spread, len(b.cities)-len(rows))
		return nil
	}
	covered := slices.Clone(rows)
	for i := range max(f.FirstRank-1, 0) {
		covered = append(covered, i)
	}
	for _, i := range b.farthest(f.Spread, covered) {
		take(i)
	}
	return rows
}

// farthest gives n rows of cities.csv, each the one farthest from the covered
// rows and those given before it, so that remote places come first. Ties go to
// the larger city.
func (b *builder) farthest(n int, covered []int) []int {
	if n == 0 {
		return nil
	}
	vectors := make([]vector, len(b.cities))
	gap := make([]float64, len(b.cities)) // to the nearest covered city
	for i, c := range b.cities {
		vectors[i], gap[i] = c.at.vector(), math.Inf(1)
	}
	cover := func(row int) {
		for i := range gap {
			gap[i] = min(gap[i], vectors[i].km(vectors[row]))
		}
	}
	for _, row := range covered {
		cover(row)
	}
	var out []int
	for range n {
		far := 0
		for i := range gap {
			if gap[i] > gap[far] {
				far = i
			}
		}
		cover(far)
		out = append(out, far)
	}
	return out
}
