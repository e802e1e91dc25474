package router_test

import (
	"testing"

	"tierlab/reference/router"
	"tierlab/reference/router/routertest"
)

// TestConformance runs every built-in policy through the suite, with its
// defaults and with parameters at their ends.
func TestConformance(t *testing.T) {
	var specs []string
	for _, e := range router.Catalogue() {
		specs = append(specs, e.Name)
	}
	specs = append(specs, "p2c:tier=device,near=0", "least-loaded:tier=central,near=1000000", "nearest:tier=device",
		"latency-budget:default=0s", "cost-cap:usd=none", "min-latency:ability=1", "hedged:factor=-1",
		"cascade:first=1048575", "trajectory:k=0,first=0", "threshold:tau=-1e300")
	for _, text := range specs {
		t.Run(text, func(t *testing.T) {
			spec, err := router.Parse(text)
			if err != nil {
				t.Fatal(err)
			}
			routertest.Conform(t, spec.New)
		})
	}
}

// TestOnlyTheOracleSeesTheFuture keeps every other policy from being handed
// one.
func TestOnlyTheOracleSeesTheFuture(t *testing.T) {
	for _, e := range router.Catalogue() {
		spec, err := router.Parse(e.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, sees := spec.New().(router.Clairvoyant); sees != (e.Name == "oracle") {
			t.Errorf("%s: clairvoyant is %t", e.Name, sees)
		}
	}
}
