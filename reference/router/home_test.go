package router_test

import (
	"testing"
	"time"

	"tierlab/reference/router"
	"tierlab/reference/router/routertest"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

func parseHome(t *testing.T, text string) router.HomePolicy {
	t.Helper()
	h, err := router.ParseHome(text)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHomes(t *testing.T) {
	w := routertest.Continuum(t, 20) // the device is no home here
	pii := &workloads.DataRules{PII: true}
	us := &workloads.DataRules{Residency: []string{"us"}}
	for _, c := range []struct {
		home string
		data *workloads.DataRules
		tier topology.Tier
	}{
		{"nearest", nil, topology.Metro},
		{"", nil, topology.Metro},
		{"metro", nil, topology.Metro},
		{"regional", nil, topology.Regional},
		{"central", nil, topology.Central},
		{"device", nil, topology.Metro}, // the next tier outward
		{"central", us, topology.Central},
		{"metro", us, topology.Metro},
	} {
		h := parseHome(t, c.home)
		s := h.PlaceFor(w, 0, c.data)
		if s == topology.None || w.Sites[s].Tier != c.tier {
			t.Errorf("home %s: site %d, want one of tier %s", c.home, s, c.tier)
			continue
		}
		if c.data == us && w.Sites[s].Region != "us" {
			t.Errorf("home %s: region %s, want us", c.home, w.Sites[s].Region)
		}
		if c.data == nil && h.Place(w, 0) != s {
			t.Errorf("home %s: Place and PlaceFor differ", c.home)
		}
	}
	if s := parseHome(t, "metro").PlaceFor(w, 0, pii); s != topology.None {
		t.Errorf("private session at home on site %d, and the device is no home", s)
	}
	w.Sites[w.DeviceSite].Home = true
	if s := parseHome(t, "central").PlaceFor(w, 0, pii); s != w.DeviceSite {
		t.Errorf("private session at home on site %d, want the device", s)
	}
	if s := parseHome(t, "device").Place(w, 0); s != w.DeviceSite {
		t.Errorf("home device: site %d", s)
	}
	if s := parseHome(t, "nearest").Place(w, 0); s == w.DeviceSite {
		t.Error("home nearest: the device, although a site will do")
	}
	if _, err := router.ParseHome("edge"); err == nil {
		t.Error("home \"edge\" should be refused")
	}
}

func TestMigration(t *testing.T) {
	w := routertest.Continuum(t, 20)
	h := parseHome(t, "metro")
	home := h.Place(w, 0)
	if to, moves := h.Migrate(w, home, 0, nil, 0); moves || to != home {
		t.Errorf("nobody has moved, but the home goes to %d", to)
	}
	// The second origin is on the other side of the circle.
	saved := w.Link(w.OriginPlace(1), w.SitePlace(home)).RTT - w.Link(w.OriginPlace(1), w.SitePlace(h.Place(w, 1))).RTT
	if saved <= 0 {
		t.Fatal("the case needs a user that has moved away")
	}
	if to, moves := h.Migrate(w, home, 1, nil, saved); moves || to != home {
		t.Error("moves for no more than the margin")
	}
	if to, moves := h.Migrate(w, home, 1, nil, saved-1); !moves || to != h.Place(w, 1) {
		t.Error("stays although moving saves more than the margin")
	}
	if _, moves := h.Migrate(w, home, 1, &workloads.DataRules{Residency: []string{w.Sites[home].Region}}, 10*time.Second); moves {
		t.Error("moves against the margin")
	}
}

func TestToolPlaces(t *testing.T) {
	w := routertest.Continuum(t, 20)
	home := plain(w).Home
	at := w.SitePlace(home)
	central := topology.SiteID(len(w.Sites) - 1)
	for _, c := range []struct {
		toolsAt, data string
		want          topology.Place
	}{
		{"home", "central", at},
		{"central", "home", w.SitePlace(central)},
		{"data", "", at},
		{"data", "home", at},
		{"data", "origin", w.OriginPlace(0)},
		{"data", "device", w.OriginPlace(0)},
		{"data", "regional", w.SitePlace(w.NearestIn(at, topology.Regional))},
		{"data", "metro-7", w.SitePlace(w.SiteByName("metro-7"))},
		{"data", "nowhere", at},
	} {
		w.Platform.ToolsAt = c.toolsAt
		for i := range w.ToolSite {
			if w.ToolSite[i] = topology.None; c.toolsAt == "central" {
				w.ToolSite[i] = central
			}
		}
		if got := router.ToolPlace(w, &workloads.Tool{Data: c.data}, home, 0); got != c.want {
			t.Errorf("tools at %s, data at %q: place %d, want %d", c.toolsAt, c.data, got, c.want)
		}
	}
}
