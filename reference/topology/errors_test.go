package topology_test

import (
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	"tierlab/configs"
	"tierlab/reference/topology"
)

// Every mistake names file, line and field, and what would be right.
func TestMistakesInATopology(t *testing.T) {
	for _, c := range []struct{ name, old, text, want string }{
		{"unknown field", "rack: tiny-metro", "rak: tiny-metro",
			`small.yaml:6: sites[1]: unknown field "rak"; did you mean "rack"?`},
		{"unknown unit", "rtt_ms: 12.5", "rtt_s: 12.5",
			`small.yaml:10: links[1]: unknown field "rtt_s"; did you mean "rtt_ms"?`},
		{"missing field", "name: edge, tier: metro,", "name: edge,",
			`small.yaml:6: sites[1]: field "tier" is missing`},
		{"field twice", "name: edge,", "name: edge, name: edge,",
			`small.yaml:6: sites[1]: field "name" stands here twice`},
		{"wrong type", "rtt_ms: 240", "rtt_ms: fast",
			`small.yaml:9: links[0].rtt_ms: want a finite number, not "fast"`},
		{"not finite", "rtt_ms: 240", "rtt_ms: .inf",
			`small.yaml:9: links[0].rtt_ms: want a finite number, not ".inf"`},
		{"fraction", "hops: 17", "hops: 1.5",
			`small.yaml:9: links[0].hops: want a whole number, not "1.5"`},
		{"negative", "rtt_ms: 240", "rtt_ms: -1",
			`small.yaml:9: links[0].rtt_ms: -1 is out of range: it must be >=0`},
		{"share", "loss_share: 0.01", "loss_share: 3",
			`small.yaml:9: links[0].loss_share: 3 is out of range: it must be <=1`},
		{"link to nowhere", "to: hub, rtt", "to: hubb, rtt",
			`small.yaml:9: links[0].to: no site or origin "hubb"; did you mean "hub"?`},
		{"link to a device", "to: hub, rtt", "to: device, rtt",
			`small.yaml:9: links[0].to: "device" has no place of its own: it is where its user is; name an origin`},
		{"fault nowhere", "site: hub, start", "site: hbu, start",
			`small.yaml:12: faults[0].site: no site "hbu"; did you mean "hub"?`},
		{"fault of two kinds", "probability_share: 0.5, down: true", "probability_share: 0.5",
			`small.yaml:12: faults[0]: give either down: true or a slow_factor`},
		{"overlapping windows", "every_s: 60", "every_s: 2",
			`small.yaml:12: faults[0].every_s: 2 is below length_s (5): the windows would overlap`},
		{"site twice", "name: hub,", "name: edge,",
			`small.yaml:7: sites[2].name: site "edge" stands here twice`},
		{"tier", "tier: metro", "tier: metr",
			`small.yaml:6: sites[1].tier: no tier "metr"; did you mean "metro"?`},
		{"city", "city: Jakarta", "city: Jakata",
			`small.yaml:6: sites[1].city: no city "Jakata" in cities.csv; did you mean "jakarta"?`},
		{"nowhere", ", city: Jakarta", "",
			`small.yaml:6: sites[1]: say where site "edge" is: city, cities, or lat_deg, lon_deg and region`},
		{"latitude", "city: Jakarta", "lat_deg: 91, lon_deg: 0, region: x",
			`small.yaml:6: sites[1].lat_deg: 91 is out of range: it must be <=90`},
		{"placed device", "rack: device}", "rack: device, city: Jakarta}",
			`small.yaml:5: sites[0]: a device is where its user is; leave its place out`},
		{"two devices", "name: edge, tier: metro", "name: edge, tier: device",
			`small.yaml:6: sites[1].tier: there is a device site already: one stands for every user's device`},
		{"rack", "rack: tiny-metro", "rack: tiny-mteor",
			`small.yaml:6: sites[1].rack: no rack "tiny-mteor"; did you mean "tiny-metro"?`},
		{"provider", "provider: user", "provider: users",
			`small.yaml:5: sites[0].provider: no provider "users"; did you mean "user"?`},
		{"parent", "extends: tiny", "extends: tyni",
			`small.yaml:3: extends: no topology "tyni"; did you mean "tiny"?`},
		{"no parent", "extends: tiny\n", "",
			`small.yaml:1: platform: is missing; write it, or name a topology that has it in extends`},
		{"schema", "tierlab-topology/v1", "tierlab-topology/v9",
			`small.yaml:1: schema: want tierlab-topology/v1, not "tierlab-topology/v9"`},
		{"anchor", "rtt_ms: 240", "rtt_ms: &a 240",
			`small.yaml:9: links[0].rtt_ms: anchors and aliases are not part of the form; write the value out`},
		{"date", "extends: tiny", "extends: tiny\ndate: yesterday",
			`small.yaml:4: date: want a year and month such as 2025-01, not "yesterday"`},
		{"list for a mapping", "sites:\n", "network: [1]\nsites:\n",
			`small.yaml:4: network: want a mapping with the fields path_stretch, fibre_km_per_s, same_site, device, access, tiers`},
		{"syntax", "links:", "links: {",
			`small.yaml:8: not YAML: did not find expected node content`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(small, c.old) {
				t.Fatalf("%q is not in the text", c.old)
			}
			_, err := topology.Parse(configs.FS, "small.yaml", []byte(strings.Replace(small, c.old, c.text, 1)))
			demandProblem(t, err, c.want)
		})
	}
}

// demandProblem wants one line of an error to be as given, and all of its
// problems to have a place.
func demandProblem(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %s", want)
	}
	found := false
	for line := range strings.Lines(err.Error()) {
		found = found || strings.TrimSpace(line) == want
	}
	if !found {
		t.Errorf("error\n%v\nwant\n%s", err, want)
	}
	var p *topology.Problem
	if !errors.As(err, &p) || p.File == "" || p.Line < 1 {
		t.Errorf("%v names no file and line", err)
	}
}

// Mistakes in what a site serves.
func TestMistakesInARack(t *testing.T) {
	good := "  x:\n    - {model: llama-3.1-8b, accelerator: l4, replicas: 1, slots: 1}\n"
	for _, c := range []struct{ name, old, text, want string }{
		{"model", "llama-3.1-8b", "llama-3-8b",
			`small.yaml:16: racks.x[0].model: no model "llama-3-8b"; did you mean "llama-3.1-8b"?`},
		{"accelerator", "l4", "l40z",
			`small.yaml:16: racks.x[0].accelerator: no accelerator "l40z"; did you mean "l40s"?`},
		{"too large", "llama-3.1-8b", "llama-3.1-70b",
			`small.yaml:16: racks.x[0].model: llama-3.1-70b needs 141.2 GB for its weights, but 1 x l4 leave 21.6 GB usable; raise accelerators_per_replica to 7, or lower bytes_per_weight`},
		{"no speed", "accelerator: l4, ", "",
			`small.yaml:16: racks.x[0]: name an accelerator, or give prefill_tok_per_s, step_base_ms, step_per_seq_ms and kv_tok`},
		{"no replica", "replicas: 1", "replicas: 0",
			`small.yaml:16: racks.x[0].replicas: 0 is out of range: it must be >=1`},
		{"negative price", "slots: 1", "slots: 1, usd_per_mtok_in: -2",
			`small.yaml:16: racks.x[0].usd_per_mtok_in: -2 is out of range: it must be >=0`},
		{"model twice", good, good + strings.TrimPrefix(good, "  x:\n"),
			`small.yaml:17: racks.x[1].model: model "llama-3.1-8b" stands at site "edge" twice; raise replicas instead`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := strings.Replace(small, "rack: tiny-metro", "rack: x", 1) + "racks:\n" + good
			_, err := topology.Parse(configs.FS, "small.yaml", []byte(strings.Replace(text, c.old, c.text, 1)))
			demandProblem(t, err, c.want)
		})
	}
}

func TestMistakesInAWorld(t *testing.T) {
	head := "schema: tierlab-topology/v1\nname: small\nextends: tiny\n"
	for _, c := range []struct{ name, text, want string }{
		{"no model", head + "sites:\n  - {name: a, tier: metro, home: true, city: Paris}\n",
			`small.yaml:4: sites: no site serves any model; give one a rack or deployments`},
		{"no home", head + "sites:\n  - {name: a, tier: metro, rack: tiny-metro, city: Paris}\n",
			`small.yaml:4: sites: no site has home: true, so that no session could live anywhere`},
		{"round-trip model", head + "rtt_model: band\n",
			`small.yaml:4: rtt_model: no round-trip model "band"; did you mean "banded"?`},
		{"ranks", head + "origins: {first_rank: 3, last_rank: 2}\n",
			`small.yaml:4: origins.last_rank: 2 must be from first_rank (3) to the number of cities (514)`},
		{"spread", head + "origins: {first_rank: 1, last_rank: 2, spread: 600}\n",
			`small.yaml:4: origins.spread: 600 is more than the cities that are left (512)`},
		{"no origins", head + "origins: {spread: 2}\n",
			`small.yaml:4: origins: no city is chosen; give names, or first_rank and last_rank`},
		{"tools", head + "platform:\n" + platformWith("the moon"),
			`small.yaml:8: platform.tools_at: no place "the moon"; known are home, data, metro, regional, central`},
		{"percentiles", head + "platform:\n" + strings.Replace(platformWith("home"), "commit_p50_ms: 1", "commit_p50_ms: 3", 1),
			`small.yaml:5: platform.state.commit_p99_ms: 2 is below commit_p50_ms (3)`},
		{"store without a tier", head + "platform:\n" + strings.Replace(platformWith("home"), "{commit", "{external: true, commit", 1),
			`small.yaml:5: platform.state.tier: an external store needs the tier that it is in`},
		{"difficulty", head + "quality: {rho: 0.5, predictor_error: 0, difficulty: {code: {mean: 0, sd: 1}}}\n",
			`small.yaml:4: quality.difficulty: give "other", for steps of other kinds`},
		{"two documents", head + "---\nname: b\n", `small.yaml:4: a second document begins here; a file holds one`},
		{"comments only", "# nothing\n", `small.yaml:1: the file is empty`},
		{"empty", "", `small.yaml:1: the file is empty`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := topology.Parse(configs.FS, "small.yaml", []byte(c.text))
			demandProblem(t, err, c.want)
		})
	}
}

func TestLoadNamesTheNearestTopology(t *testing.T) {
	_, err := topology.Load(configs.FS, "agent-clod")
	if want := `no topology "agent-clod"; did you mean "agent-cloud"?`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if _, err := topology.Load(configs.FS, "../secrets"); err == nil {
		t.Error("a name reaches out of the catalogue")
	}
}

func TestExtendsInACircle(t *testing.T) {
	files := fstest.MapFS{}
	for _, name := range []string{"models.yaml", "accelerators.yaml", "prices.yaml", "cities.csv"} {
		data, err := configs.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: data}
	}
	for name, parent := range map[string]string{"a": "b", "b": "a"} {
		files["topologies/"+name+".yaml"] = &fstest.MapFile{Data: []byte("schema: tierlab-topology/v1\nname: " + name + "\nextends: " + parent + "\n")}
	}
	_, err := topology.Load(files, "a")
	demandProblem(t, err, `topologies/b.yaml:3: extends: "a" extends itself: a -> b -> a`)
}

func TestMistakesInCatalogues(t *testing.T) {
	for _, c := range []struct{ file, old, text, want string }{
		{"cities.csv", "Tokyo,JP,japan,35.68,139.69,37.2", "Tokyo,JP,japan,95.68,139.69,37.2",
			`cities.csv:6: lat_deg "95.68" must be a number from -90 to 90`},
		{"cities.csv", "Delhi,IN,india,28.61,77.21,32.9", "Delhi,IN,india,28.61,77.21,40",
			`cities.csv:7: city "Delhi" has more people than the row above; sort the rows by population`},
		{"cities.csv", "Delhi,IN,india,28.61,77.21,32.9", "Tokyo,IN,india,28.61,77.21,32.9",
			`cities.csv:7: city "Tokyo" stands here twice`},
		{"cities.csv", "Delhi,IN,india,28.61,77.21,32.9", "Delhi,IN,28.61,77.21,32.9",
			`cities.csv:7: not CSV: wrong number of fields`},
		{"cities.csv", "name,country,region", "name,region,country",
			`cities.csv:1: the first row must be name,country,region,lat_deg,lon_deg,population_m`},
		{"models.yaml", "active_b: 40", "active_b: 4000",
			`models.yaml:54: models[3].active_b: more weights are active (4000) than there are (400)`},
		{"models.yaml", "name: llama-3.1-8b", "name: llama-3.2-1b",
			`models.yaml:25: models[1].name: model "llama-3.2-1b" stands here twice`},
		{"prices.yaml", "provider: user", "provider: usr",
			`prices.yaml:56: models[0].provider: no provider "usr"; did you mean "user"?`},
	} {
		files := fstest.MapFS{}
		for _, name := range []string{"models.yaml", "accelerators.yaml", "prices.yaml", "cities.csv", "topologies/agent-cloud.yaml"} {
			data, err := configs.FS.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if name == c.file {
				if !strings.Contains(string(data), c.old) {
					t.Fatalf("%q is not in %s", c.old, name)
				}
				data = []byte(strings.Replace(string(data), c.old, c.text, 1))
			}
			files[name] = &fstest.MapFile{Data: data}
		}
		_, err := topology.Load(files, "agent-cloud")
		demandProblem(t, err, c.want)
	}
}

func TestUncitedFigures(t *testing.T) {
	for _, c := range []struct{ file, text, want string }{
		{"x.yaml", "a: {b: 1}", `x.yaml:1: a.b: the figure 1 has no source and date, here or in a mapping around it`},
		{"x.yaml", "a:\n  source: \"published: x\"\n  b: 1", `x.yaml:2: a: source and date go together`},
		{"x.yaml", "a:\n  source: I heard it\n  date: 2025-01\n  b: 1", `x.yaml:2: a.source: "I heard it" must begin with one of: published: measured: assumption: scenario: `},
		{"x.csv", "# source: assumption: x\n1,2\n", `x.csv:1: the table needs a comment line "# date: " with what it says`},
	} {
		demandProblem(t, topology.CheckSources(c.file, []byte(c.text)), strings.TrimSpace(c.want))
	}
	if err := topology.CheckSources("x.yaml", []byte("a: {source: \"measured: x\", date: 2025-01, b: [1, {c: 2}]}")); err != nil {
		t.Error(err)
	}
}
