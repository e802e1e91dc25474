package topology

import (
	"strings"
	"testing"
	"time"
)

func TestAssembleNumbersAndSorts(t *testing.T) {
	ms := time.Millisecond
	w := World{
		Name:   "t",
		Models: []Model{{Name: "small"}, {Name: "big"}},
		Sites: []Site{
			{Name: "far", Tier: Central, Deployments: []Deployment{{Model: 1, Replicas: 2}}},
			{Name: "user", Tier: Device, Deployments: []Deployment{{Model: 0, Replicas: 1}}},
			{Name: "near", Tier: Metro, Deployments: []Deployment{{Model: 0, Replicas: 3}, {Model: 1, Replicas: 1}}},
		},
		Origins: []Origin{{Name: "o"}},
	}
	rtt := [][]time.Duration{{0, 90, 80, 90}, {90, 0, 20, 20}, {80, 20, 0, 10}, {90, 20, 10, 0}}
	var links []Link
	for _, row := range rtt {
		for _, r := range row {
			links = append(links, Link{RTT: r * ms})
		}
	}
	got, err := Assemble(w, links)
	if err != nil {
		t.Fatal(err)
	}
	if got.DeviceSite != 1 || len(got.Replicas) != 7 {
		t.Errorf("device site %d, %d replicas; want 1 and 7", got.DeviceSite, len(got.Replicas))
	}
	if d := got.Deployment(2, 1); d == nil || d.First != 6 || got.Replicas[6] != (Replica{Site: 2, Index: 1, Model: 1}) {
		t.Errorf("deployment of big at near: %+v", d)
	}
	// From the origin its device is first although a site is nearer by link.
	if n := got.Nearest(got.OriginPlace(0)); n[0] != 1 || n[1] != 2 || n[2] != 0 {
		t.Errorf("nearest from the origin: %v, want [1 2 0]", n)
	}
	if n := got.Nearest(got.SitePlace(0)); n[0] != 0 || n[1] != 2 {
		t.Errorf("nearest from far: %v, want it to begin [0 2]", n)
	}
}

func TestAssembleRefuses(t *testing.T) {
	site := Site{Name: "a", Tier: Device}
	for _, c := range []struct {
		name  string
		world World
		links int
		want  string
	}{
		{"links", World{Name: "t", Sites: []Site{site}}, 3, "3 links for 1 places, need 1"},
		{"devices", World{Name: "t", Sites: []Site{site, {Name: "b", Tier: Device}}}, 4, "both of tier device"},
		{"model", World{Name: "t", Sites: []Site{{Name: "m", Deployments: []Deployment{{Model: 2}}}}}, 1, "model number 2 of 0"},
	} {
		_, err := Assemble(c.world, make([]Link, c.links))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", c.name, err, c.want)
		}
	}
}
