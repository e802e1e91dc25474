package topology_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"tierlab/reference/topology"
)

const ms = time.Millisecond

// Distances between airports or city centres as atlases give them.
func TestGreatCircleKnownPairs(t *testing.T) {
	for _, c := range []struct {
		name                   string
		latA, lonA, latB, lonB float64
		km, within             float64
	}{
		{"London to New York", 51.51, -0.13, 40.71, -74.01, 5570, 15},
		{"Sydney to Santiago", -33.87, 151.21, -33.45, -70.67, 11340, 40},
		{"over the date line: Suva to Apia", -18.14, 178.44, -13.83, -171.76, 1145, 15},
		{"poles", 90, 0, -90, 0, math.Pi * 6371.0088, 0.001},
		{"a metre", 0, 0, 0, 360 / (2 * math.Pi * 6371008.8), 0.001, 1e-9},
		{"one place", 12, 34, 12, 34, 0, 0},
	} {
		if got := topology.GreatCircleKM(c.latA, c.lonA, c.latB, c.lonB); math.Abs(got-c.km) > c.within {
			t.Errorf("%s: %.4f km, want %g within %g", c.name, got, c.km, c.within)
		}
	}
}

func TestGreatCircleIsAMetric(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var lat, lon [3]float64
		for i := range lat {
			lat[i] = rapid.Float64Range(-90, 90).Draw(t, "lat")
			lon[i] = rapid.Float64Range(-180, 180).Draw(t, "lon")
		}
		d := func(i, j int) float64 { return topology.GreatCircleKM(lat[i], lon[i], lat[j], lon[j]) }
		if d(0, 1) != d(1, 0) {
			t.Fatalf("%g km there, %g km back", d(0, 1), d(1, 0))
		}
		if d(0, 2) > d(0, 1)+d(1, 2)+1e-6 {
			t.Fatalf("%g km is longer than by way of the third place (%g + %g)", d(0, 2), d(0, 1), d(1, 2))
		}
	})
}

// The articles' bands hold for every user's nearest site of each tier.
func TestBandsOfTheAgentCloud(t *testing.T) {
	w := embedded(t, "agent-cloud")
	bands := [topology.Tiers][2]time.Duration{
		topology.Device: {0, ms}, topology.Metro: {10 * ms, 50 * ms},
		topology.Regional: {50 * ms, 150 * ms}, topology.Central: {200 * ms, 500 * ms},
	}
	for tier := topology.Device; tier < topology.Tiers; tier++ {
		for i, l := range nearestLinks(w, tier) {
			if l.RTT < bands[tier][0] || l.RTT > bands[tier][1] {
				t.Errorf("%s of %s at %v, outside %v", tier, w.Origins[i].Name, l.RTT, bands[tier])
			}
		}
	}
	if n := len(w.SitesIn(topology.Metro)); n < 300 {
		t.Errorf("%d metro sites, want 300 or more", n)
	}
	if share := w.ShareWithin(topology.Metro, 50*ms); share < 0.999 {
		t.Errorf("%.3f of users within 50 ms of a metro site", share)
	}
}

// From South-East Asia: 3 hops to the metro, 15 to 20 to a central site.
func TestHopsFromSouthEastAsia(t *testing.T) {
	w := embedded(t, "agent-cloud")
	for _, name := range []string{"singapore", "jakarta", "bangkok", "manila", "ho-chi-minh-city", "kuala-lumpur"} {
		from := w.OriginPlace(w.OriginByName(name))
		metro := w.Link(from, w.SitePlace(w.NearestIn(from, topology.Metro)))
		central := w.Link(from, w.SitePlace(w.NearestIn(from, topology.Central)))
		if metro.Hops != 3 || central.Hops < 15 || central.Hops > 20 {
			t.Errorf("%s: %d hops to the metro, %d to a central site", name, metro.Hops, central.Hops)
		}
	}
}

// Within a tier a farther site is never nearer by round trip, in either model.
func TestRoundTripGrowsWithDistance(t *testing.T) {
	for _, name := range []string{"agent-cloud", "agent-cloud-geographic"} {
		w := embedded(t, name)
		for _, o := range w.Origins {
			for tier := topology.Metro; tier < topology.Tiers; tier++ {
				last, lastRTT := 0.0, time.Duration(0)
				for _, s := range w.Nearest(w.OriginPlace(o.ID)) {
					site := &w.Sites[s]
					if site.Tier != tier {
						continue
					}
					km := topology.GreatCircleKM(o.Lat, o.Lon, site.Lat, site.Lon)
					rtt := w.Link(w.OriginPlace(o.ID), w.SitePlace(s)).RTT
					if km < last-1e-3 || rtt < lastRTT {
						t.Fatalf("%s from %s: %s at %.1f km and %v after one at %.1f km and %v", name, o.Name, site.Name, km, rtt, last, lastRTT)
					}
					last, lastRTT = km, rtt
				}
			}
		}
	}
}

// No round trip beats light in fibre along the great circle.
func TestGeographicRespectsLight(t *testing.T) {
	w := embedded(t, "agent-cloud-geographic")
	for _, o := range w.Origins {
		for _, s := range w.Sites {
			if s.ID == w.DeviceSite {
				continue
			}
			km := topology.GreatCircleKM(o.Lat, o.Lon, s.Lat, s.Lon)
			floor := time.Duration(2 * km / 199862 * float64(time.Second))
			if rtt := w.Link(w.OriginPlace(o.ID), w.SitePlace(s.ID)).RTT; rtt < floor {
				t.Fatalf("%s to %s in %v, but light takes %v", o.Name, s.Name, rtt, floor)
			}
		}
	}
}

// Links are the same in both directions, and no way round by another site is
// shorter: a session cannot gain by relaying.
func TestLinksAreSymmetricAndDirect(t *testing.T) {
	for _, name := range embeddedNames(t) {
		w := embedded(t, name)
		var places []topology.Place
		for p := range len(w.Sites) + len(w.Origins) {
			if topology.SiteID(p) != w.DeviceSite && p%7 == 3 {
				places = append(places, topology.Place(p))
			}
		}
		for _, a := range places {
			for _, b := range places {
				if *w.Link(a, b) != *w.Link(b, a) {
					t.Fatalf("%s: links %d-%d differ by direction", name, a, b)
				}
				for _, s := range w.Nearest(a) {
					if by := w.Link(a, w.SitePlace(s)).RTT + w.Link(w.SitePlace(s), b).RTT; by < w.Link(a, b).RTT && a != b && s != w.DeviceSite {
						t.Fatalf("%s: %d to %d takes %v, but %v by way of %s", name, a, b, w.Link(a, b).RTT, by, w.Sites[s].Name)
					}
				}
			}
		}
	}
}

func TestNearestIsCompleteAndSorted(t *testing.T) {
	for _, name := range embeddedNames(t) {
		w := embedded(t, name)
		for p := range topology.Place(len(w.Sites) + len(w.Origins)) {
			near, origin := w.Nearest(p), int(p) >= len(w.Sites)
			want := len(w.Sites)
			if !origin && w.DeviceSite != topology.None {
				want--
			}
			if sorted := slices.Compact(slices.Sorted(slices.Values(near))); len(sorted) != want || len(near) != want {
				t.Fatalf("%s: %d sites near place %d, want %d", name, len(near), p, want)
			}
			if origin && near[0] != w.DeviceSite {
				t.Fatalf("%s: place %d begins with %s, not with its device", name, p, w.Sites[near[0]].Name)
			}
			for i := 1; i < len(near); i++ {
				a, b := w.Link(p, w.SitePlace(near[i-1])).RTT, w.Link(p, w.SitePlace(near[i])).RTT
				if near[i-1] != w.DeviceSite && (a > b || a == b && near[i-1] > near[i]) {
					t.Fatalf("%s: place %d has %v before %v", name, p, a, b)
				}
			}
		}
	}
}

func TestEgress(t *testing.T) {
	w := topology.World{Sites: []topology.Site{
		{Provider: "a", EgressUSDPerGB: 0.09, RegionUSDPerGB: 0.02},
		{Provider: "a", EgressUSDPerGB: 0.09, RegionUSDPerGB: 0.02},
		{Provider: "b"},
	}}
	for _, c := range []struct {
		from, to topology.SiteID
		want     float64
	}{{0, 0, 0}, {0, 1, 0.02}, {0, 2, 0.09}, {0, topology.None, 0.09}, {2, 0, 0}, {2, topology.None, 0}} {
		if got := w.EgressUSDPerGB(c.from, c.to); got != c.want {
			t.Errorf("from %d to %d: %g USD/GB, want %g", c.from, c.to, got, c.want)
		}
	}
}

func TestSandboxPrice(t *testing.T) {
	s := topology.Sandbox{USDPerCall: 2e-7, USDPerGBSecond: 1.5e-5, MemoryGB: 2}
	if got, want := s.Price(10*time.Second), 0.0003002; math.Abs(got-want) > 1e-15 {
		t.Errorf("ten seconds of 2 GB cost $%g, want $%g", got, want)
	}
}
