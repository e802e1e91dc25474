package topology

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tierlab/configs"
)

// units are how a key with a figure may end.
var units = []string{
	"_ms", "_s", "_km", "_deg", "_gb", "_b", "_tok", "_bytes", "_w",
	"gb_per_s", "km_per_s", "tflop_per_s", "tok_per_s", "per_1000_km", "bytes_per_tok", "bytes_per_weight", "bytes_per_kv_value",
	"usd_per_gb", "usd_per_gb_s", "usd_per_call", "usd_per_mtok_in", "usd_per_mtok_cached", "usd_per_mtok_out",
	"usd_per_million_writes", "usd_per_thousand_transitions", "usd_per_million_sandbox_calls", "_share", "_factor",
}

// counts are figures without a unit: numbers of things, and points on the
// scales of the quality model and of distributions.
var counts = []string{
	"first_rank", "last_rank", "spread", "replicas", "slots", "queue_limit", "accelerators_per_replica", "kv_heads", "layers", "head_dim",
	"hops", "near_hops", "most_hops", "tls_round_trips", "transitions_per_call", "ahead_iterations",
	"ability", "rho", "predictor_error", "mean", "sd", "jitter_sigma", "path_stretch",
}

func TestKeysCarryTheirUnit(t *testing.T) {
	forms := []any{topologyForm{}, modelsForm{}, acceleratorsForm{}, pricesForm{}}
	seen := map[string]bool{}
	for _, f := range forms {
		walkKeys(reflect.TypeOf(f), func(name string) {
			seen[name] = true
			ok := slices.Contains(counts, name) || slices.ContainsFunc(units, func(u string) bool { return strings.HasSuffix(name, u) })
			if !ok {
				t.Errorf("key %s carries no unit", name)
			}
		})
	}
	for _, name := range counts {
		if !seen[name] {
			t.Errorf("no key is called %s", name)
		}
	}
}

// walkKeys visits the key of every number of a form.
func walkKeys(t reflect.Type, visit func(string)) {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		walkKeys(t.Elem(), visit)
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			name, of := f.Tag.Get("yaml"), f.Type
			if of.Kind() == reflect.Pointer {
				of = of.Elem()
			}
			if k := of.Kind(); name != "" && (k == reflect.Float64 || k == reflect.Int) {
				visit(name)
			}
			if name != "" {
				walkKeys(f.Type, visit)
			}
		}
	}
}

func embeddedCities(t *testing.T) []city {
	t.Helper()
	data, err := configs.FS.ReadFile("cities.csv")
	if err != nil {
		t.Fatal(err)
	}
	var p problems
	cities := p.decodeCities("cities.csv", data)
	if err := p.err(); err != nil {
		t.Fatal(err)
	}
	return cities
}

func TestCitiesArePlausible(t *testing.T) {
	cities := embeddedCities(t)
	if len(cities) < 300 {
		t.Errorf("%d cities, want 300 or more", len(cities))
	}
	people := map[string]float64{}
	for i, c := range cities {
		people[c.region] += c.people
		if c.people > 45 || c.people < 0.005 {
			t.Errorf("%s has %g million people", c.name, c.people)
		}
		for _, r := range c.slug {
			if (r < 'a' || r > 'z') && r != '-' {
				t.Errorf("%s: %q has a character that a site's name should not", c.name, c.slug)
				break
			}
		}
		for _, o := range cities[:i] {
			if km := c.at.vector().km(o.at.vector()); km < 8 { // El Paso and Ciudad Juarez share a border
				t.Errorf("%s and %s are %.0f km apart: one of them is misplaced", c.name, o.name, km)
			}
		}
	}
	// Known neighbours and opposites catch a wrong sign or a swapped column.
	for _, c := range []struct {
		a, b string
		km   float64
	}{
		{"london", "paris", 344}, {"new-york", "boston", 306}, {"tokyo", "osaka", 397}, {"sydney", "melbourne", 714},
		{"sao-paulo", "rio-de-janeiro", 361}, {"cairo", "alexandria", 180}, {"delhi", "mumbai", 1150}, {"lagos", "accra", 400},
		{"singapore", "jakarta", 890}, {"los-angeles", "san-francisco", 559}, {"moscow", "saint-petersburg", 634}, {"auckland", "wellington", 494},
		{"quito", "guayaquil", 270}, {"nairobi", "mombasa", 440}, {"madrid", "lisbon", 503}, {"johannesburg", "cape-town", 1262},
	} {
		a, b := slices.IndexFunc(cities, func(x city) bool { return x.slug == c.a }), slices.IndexFunc(cities, func(x city) bool { return x.slug == c.b })
		if a < 0 || b < 0 {
			t.Errorf("%s or %s is not in the table", c.a, c.b)
			continue
		}
		if km := cities[a].at.vector().km(cities[b].at.vector()); math.Abs(km-c.km) > 0.04*c.km {
			t.Errorf("%s to %s: %.0f km, want about %.0f", c.a, c.b, km, c.km)
		}
	}
	if len(people) < 10 || people["eu"] < 50 || people["us"] < 100 {
		t.Errorf("people by region: %v", people)
	}
}

// solves is the probability that one attempt succeeds, at a difficulty drawn
// from a normal distribution.
func solves(ability float64, d Normal) float64 {
	return (1 + math.Erf((ability-d.Mean)/math.Sqrt(1+d.SD*d.SD)/math.Sqrt2)) / 2
}

// The calibration of the ability scale: what one attempt at the median agent
// step and at easy steps comes to.
func TestAbilityCalibration(t *testing.T) {
	w, err := Load(configs.FS, "agent-cloud")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		model  string
		lo, hi float64
	}{
		{"llama-3.2-1b", 0.53, 0.57}, {"llama-3.1-8b", 0.75, 0.80}, {"llama-3.1-70b", 0.89, 0.91}, {"frontier", 0.95, 0.97},
	} {
		m := w.Models[w.ModelByName(c.model)]
		if p := solves(m.Ability, Normal{}); p < c.lo || p > c.hi {
			t.Errorf("%s solves %.3f of median steps, want %g to %g", c.model, p, c.lo, c.hi)
		}
	}
	small := w.Models[w.ModelByName("llama-3.1-8b")].Ability
	for _, kind := range []string{"classify", "summarize", "extract", "route", "tool_select"} {
		if p := solves(small, w.Quality.Difficulty[kind]); p < 0.92 {
			t.Errorf("an 8B model solves %.3f of %s steps, which the articles call easy", p, kind)
		}
	}
	for _, kind := range []string{"plan", "code", "reason"} {
		if p := solves(small, w.Quality.Difficulty[kind]); p > 0.72 {
			t.Errorf("an 8B model solves %.3f of %s steps", p, kind)
		}
	}
}

// Egress is zero at the edge and within the published ranges elsewhere.
func TestEgressPrices(t *testing.T) {
	for _, c := range []struct {
		topology string
		lo, hi   float64
	}{
		{"agent-cloud", 0, 0}, {"hyperscaler-aws", 0.02, 0.12}, {"hyperscaler-azure", 0.005, 0.12}, {"hyperscaler-gcp", 0.01, 0.12},
	} {
		w, err := Load(configs.FS, c.topology)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range w.Sites {
			if s.Tier != Device && (s.EgressUSDPerGB < c.lo || s.EgressUSDPerGB > c.hi) {
				t.Errorf("%s: %s takes %g $/GB, want %g to %g", c.topology, s.Name, s.EgressUSDPerGB, c.lo, c.hi)
			}
		}
	}
}

// Full slots of mean context fit a replica's cache, so that a site does not
// promise concurrency that its memory lacks.
func TestSlotsFitTheCache(t *testing.T) {
	names, err := Names(configs.FS)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		w, err := Load(configs.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range w.Sites {
			for _, d := range s.Deployments {
				m := w.Models[d.Model]
				if need := int64(d.Slots) * int64(min(8192, m.ContextTokens)); need > d.KVTokens {
					t.Errorf("%s: %s at %s: %d slots need %d tokens of cache, it has %d", name, m.Name, s.Name, d.Slots, need, d.KVTokens)
				}
			}
		}
	}
}
