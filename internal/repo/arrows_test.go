package repo

import (
	"path"
	"strings"
	"testing"
)

// arrow says what the packages of one folder may import of this module. A
// folder is named with its subfolders' rules below it; the longest folder that
// holds a package is the one that counts.
type arrow struct {
	folder string
	may    []string // folders; "x/..." includes the folders under x
	reason string
}

// arrows is the direction in which packages depend on each other. internal/rng,
// internal/spell and configs are leaves that every package but the leaves may use.
var arrows = []arrow{
	{".", []string{"internal/cli", "reference/sandbox"},
		"main.go only starts the command line, unless it is a sandbox's child; put the code into internal/cli or a package under it"},
	{"internal/cli", []string{"bench/...", "sim/...", "reports/...", "reference/...", "engine/...", "workloads/..."},
		"the command line sits on top of everything"},
	{"internal/repo", nil,
		"the rules look at the source as text"},
	{"internal/rng", nil,
		"a leaf: every other package draws from it"},
	{"internal/spell", nil,
		"a leaf: every message that names a mistake may suggest the right name"},
	{"configs", nil,
		"a leaf of data files: the packages that read them know their meaning"},
	{"workloads", nil,
		"the record format is what everything else exchanges, so it knows none of it"},
	{"workloads/...", []string{"workloads"},
		"importers, exporters and generators know the record format; a workload knows nothing of the world it is replayed in"},
	{"reference/topology", []string{"workloads"},
		"the world is described without routers and simulators, so that both clocks share it"},
	{"reference/router", []string{"reference/topology", "workloads"},
		"a policy decides from its request and its view; what it needs from a driver is handed in as a value"},
	{"reference/router/routertest", []string{"reference/router", "reference/topology", "workloads"},
		"the conformance suite sees policies as a driver does"},
	{"reference/agent", []string{"reference/router", "reference/topology", "workloads"},
		"the session machine emits effects; a driver carries them out, so it imports the machine and not the reverse"},
	{"engine/kv", nil,
		"blocks are numbers and content is hashes: what they stand for is a backend's or a simulator's matter"},
	{"engine/sched", []string{"engine/kv"},
		"a plan names lengths, blocks and slots, so that a backend and a simulated site can run the same one; neither is known here"},
	{"engine/sample", nil,
		"a row of logits and a rule give a token: neither models nor devices matter to it"},
	{"engine/bf16", nil,
		"a format of numbers, of which files and all backends round to the same bits"},
	{"engine/model", []string{"engine/bf16"},
		"a model is a shape and its weights; who computes with them is a backend's matter"},
	{"engine/tokenizer/...", []string{"engine/tokenizer"},
		"text and token ids: the model and the engine are users of it"},
	{"engine/grammar", []string{"engine/tokenizer"},
		"a grammar says which tokens may come next, for any engine"},
	{"engine/backend", []string{"engine/kv", "engine/sched", "engine/sample"},
		"the border: plans and picks go in, choices come out"},
	{"engine/backend/...", []string{"engine/backend/...", "engine/kv", "engine/sched", "engine/sample", "engine/model", "engine/bf16"},
		"a backend computes plans of a model and decides nothing; the engine loop, text and HTTP are above it"},
	{"engine/trace", []string{"engine/kv", "engine/sched"},
		"a run is planned again from its trace by the scheduler and its cache alone"},
	{"engine", []string{"engine/..."},
		"the engine drives its own parts and knows no agent, workload or world"},
	{"reference/gateway", []string{"engine", "engine/...", "reference/topology", "reference/router", "workloads"},
		"HTTP on top of an engine; sessions and agents are its clients"},
	{"reference/journal", nil,
		"a journal keeps records of any writer: what they mean is the session's matter"},
	{"reference/journal/...", []string{"reference/journal"},
		"a store, and the conformance suite, know the interface; neither each other nor who writes"},
	{"reference/ledger", []string{"reference/journal", "reference/topology", "workloads"},
		"the ledger counts; its charges become durable with the records of the session that made them"},
	{"reference/sandbox", []string{"reference/sandbox/internal/border", "reference/sandbox/internal/child", "reference/sandbox/internal/confine"},
		"the pool starts children and speaks with them; engines run in the children alone, and what a host function does is its caller's matter"},
	{"reference/sandbox/internal/border", nil,
		"what passes between pool and child is bytes, whoever runs the program"},
	{"reference/sandbox/internal/child", []string{"reference/sandbox/internal/..."},
		"a child holds the engines, and gives up its rights before it runs them"},
	{"reference/sandbox/internal/confine", nil,
		"which rights a process gives up does not depend on what it runs"},
	{"reference/sandbox/internal/fuel", nil,
		"a module goes in and a module that counts comes out, under any engine"},
	{"reference/sandbox/internal/linear", nil,
		"memory is bytes to any engine"},
	{"reference/sandbox/internal/quickjs", []string{"reference/sandbox/internal/border", "reference/sandbox/internal/linear"},
		"an engine runs a program for its child; it knows no other engine and no pool"},
	{"reference/sandbox/internal/webassembly", []string{"reference/sandbox/internal/border", "reference/sandbox/internal/fuel", "reference/sandbox/internal/linear"},
		"an engine runs a program for its child; it knows no other engine and no pool"},
	{"reference/sandbox/internal/wasmtest", nil,
		"an assembler for tests knows the binary format alone"},
	{"reference/tools", nil,
		"a tool knows its call and the calling session's state as it is handed in"},
	{"reference/tools/builtin", []string{"reference/tools", "reference/sandbox"},
		"built-in tools are tools as anybody's; code is run by a sandbox that is handed in"},
	{"reference/tools/mcp", []string{"reference/tools"},
		"a server's tools are tools as anybody's"},
	{"reference/hub", []string{"engine", "engine/tokenizer/chat", "reference/gateway", "workloads"},
		"model calls go out from here; sessions and routers are its callers"},
	{"reference/session", []string{"reference/agent", "reference/hub", "reference/journal", "reference/ledger", "reference/router",
		"reference/session/content", "reference/tools", "reference/topology", "workloads"},
		"a session's actor drives the pure machine and hands effects to the hub, the tools, the ledger and the journal by their interfaces: not to a store, a sandbox or an engine"},
	{"reference/session/content", []string{"engine/kv", "workloads"},
		"token ids follow from the recorded session alone, so that every replay has the same"},
	{"reference/session/placement", []string{"reference/journal"},
		"who owns a session follows from journals and the nodes there are, not from what sessions do"},
	{"sim/des", nil,
		"the event kernel knows nothing of agents"},
	{"sim/network", []string{"reference/topology", "workloads"},
		"the network model knows the world, not who sends over it"},
	{"sim/steptime", []string{"engine/sched", "reference/topology"},
		"how long an iteration takes follows from its shape and the accelerator; the scheduler's and the simulator's one model of it"},
	{"sim/batching", []string{"engine/kv", "engine/sched", "sim/des", "sim/site"},
		"a site at engine fidelity is the engine's own scheduler and cache over modelled time"},
	{"sim/site", []string{"sim/des", "reference/topology", "workloads"},
		"a site serves requests, whoever routed them"},
	{"sim", []string{"sim/...", "engine/kv", "engine/sched", "reference/topology", "reference/router", "reference/agent", "workloads"},
		"the simulator drives the pure packages; reports read what it records"},
	{"bench/...", []string{"bench/...", "sim/...", "reference/...", "engine/...", "workloads/..."},
		"a measurement drives what it measures and hands its figures up; how they are shown is the command line's"},
	{"reports", []string{"workloads"},
		"a report reads records, so that a live run's report is the same as a simulated one's"},
}

// leaves may be imported from anywhere but the packages whose rule allows
// nothing by being leaves themselves.
var leaves = []string{"internal/rng", "internal/spell", "configs"}

// thirdParty says which folders may import a module from outside.
var thirdParty = []struct {
	module  string
	folders []string
	reason  string
}{
	{"github.com/spf13/", []string{"internal/cli"},
		"flags and settings end at the command line; pass an options struct on"},
	{"gonum.org/v1/plot", []string{"reports", "reports/..."},
		"figures are drawn by reports only"},
	{"github.com/HdrHistogram/", []string{"reports", "reports/...", "workloads/inspect"},
		"distributions become histograms where results are gathered"},
	{"github.com/prometheus/", []string{"reference/gateway"},
		"metrics are exposed where requests come in; an engine counts with plain fields"},
	{"golang.org/x/text", []string{"engine/tokenizer"},
		"normal forms matter where text becomes tokens"},
	{"github.com/ebitengine/purego", []string{"engine/backend/cuda/internal/..."},
		"foreign code is called by a backend's drivers, compilers and libraries only"},
	{"gorgonia.org/cu", []string{"engine/backend/cuda/internal/gorgonia"},
		"the second driver stands behind a build tag"},
	{"github.com/NVIDIA/go-nvml", []string{"bench/telemetry"},
		"devices are watched where results are gathered"},
	{"github.com/cockroachdb/", []string{"reference/journal/pebblestore"},
		"the embedded store stands behind the journal's interface"},
	{"github.com/nats-io/", []string{"reference/journal/jetstream"},
		"the replicated store stands behind the journal's interface"},
	{"github.com/tetratelabs/wazero", []string{"reference/sandbox/internal/child", "reference/sandbox/internal/linear",
		"reference/sandbox/internal/quickjs", "reference/sandbox/internal/webassembly"},
		"untrusted programs run in the sandbox's children, never in the pool's process"},
	{"github.com/aperturerobotics/", []string{"reference/sandbox/internal/quickjs"},
		"the engine's module is loaded, and patched, in one place"},
	{"golang.org/x/net", []string{"reference/sandbox/internal/confine"},
		"the filter of system calls is assembled where rights are given up"},
	{"golang.org/x/sys", []string{"reference/sandbox/internal/child", "reference/sandbox/internal/confine"},
		"what the standard library does not have of a system is asked for by the sandbox's children"},
	{"github.com/modelcontextprotocol/", []string{"reference/tools/mcp"},
		"tool servers are met at the registry"},
	{"github.com/santhosh-tekuri/jsonschema", []string{"reference/tools"},
		"arguments and results are validated where tools are called"},
	{"github.com/anishathalye/porcupine", nil,
		"histories are checked for linearizability in tests"},
	{"pgregory.net/rapid", []string{"reference/router/routertest", "engine/backend/backendtest", "reference/journal/journaltest"},
		"rapid is for tests, and for conformance suites that tests call"},
}

func TestImportArrows(t *testing.T) {
	for dir, files := range load(t).packages() {
		rule, ok := ruleFor(dir)
		if !ok {
			t.Errorf("package %s has no place in the import arrows: add a rule with its reason to internal/repo/arrows_test.go", dir)
			continue
		}
		for _, s := range files {
			for _, imported := range s.imports() {
				if inner, ours := strings.CutPrefix(imported, module+"/"); ours && !allowed(rule, dir, inner) {
					t.Errorf("%s imports %s, which %s may not: %s", s.path, inner, rule.folder, rule.reason)
				}
				checkThirdParty(t, s, imported)
			}
		}
	}
}

func checkThirdParty(t *testing.T, s source, imported string) {
	for _, m := range thirdParty {
		if strings.HasPrefix(imported, m.module) && !matchesAny(m.folders, s.dir) {
			t.Errorf("%s imports %s, which only %v may: %s", s.path, imported, m.folders, m.reason)
		}
	}
}

// ruleFor is the rule that names dir, or that with the longest folder that
// holds it.
func ruleFor(dir string) (best arrow, ok bool) {
	for _, a := range arrows {
		if a.folder == dir {
			return a, true
		}
		if matches(a.folder, dir) && (!ok || len(a.folder) > len(best.folder)) {
			best, ok = a, true
		}
	}
	return best, ok
}

func allowed(rule arrow, from, imported string) bool {
	if matchesAny(rule.may, imported) || path.Dir(imported) == from && strings.HasSuffix(path.Dir(imported), "internal") {
		return true
	}
	return matchesAny(leaves, imported) && !matchesAny(leaves, from) && from != "sim/des"
}

func matchesAny(patterns []string, dir string) bool {
	for _, p := range patterns {
		if matches(p, dir) {
			return true
		}
	}
	return false
}

// matches compares a folder with a pattern; "x/..." is x and all under it.
func matches(pattern, dir string) bool {
	prefix, deep := strings.CutSuffix(pattern, "/...")
	return dir == prefix || deep && strings.HasPrefix(dir, prefix+"/")
}

// TestArrowsHaveTeeth checks the rules themselves on imports that must fail
// and on some that must pass.
func TestArrowsHaveTeeth(t *testing.T) {
	for _, c := range []struct {
		from, to string
		want     bool
	}{
		{"workloads", "reference/topology", false},
		{"workloads/generate", "sim", false},
		{"workloads/generate", "workloads", true},
		{"reference/router", "sim", false},
		{"reference/router", "reference/agent", false},
		{"reference/agent", "reference/router", true},
		{"reference/agent", "internal/rng", true},
		{"reports", "sim", false},
		{"sim", "reports", false},
		{"sim", "bench/claims", false},
		{"bench/claims", "sim", true},
		{"bench/claims", "reports", false},
		{"engine/kv", "engine/sched", false},
		{"engine/sched", "engine/kv", true},
		{"engine/sched", "workloads", false},
		{"engine/sched", "sim/des", false},
		{"reference/router", "engine/sched", false},
		{"engine", "sim/steptime", false},
		{"engine", "engine/backend/cpu", true},
		{"engine/backend", "engine/backend/cpu", false},
		{"engine/backend/cpu", "engine", false},
		{"engine/backend/cpu", "engine/model", true},
		{"engine/backend/cpu/internal/kernels", "engine/backend/cpu", true},
		{"engine/grammar", "engine/sample", false},
		{"reference/gateway", "engine", true},
		{"reference/router", "engine", false},
		{"reference/journal", "reference/session", false},
		{"reference/journal/pebblestore", "reference/journal", true},
		{"reference/journal/jetstream", "reference/journal/pebblestore", false},
		{"reference/journal/jetstream", "reference/session/placement", false},
		{"reference/ledger", "reference/session", false},
		{"reference/tools", "reference/sandbox", false},
		{"reference/tools", "reference/session", false},
		{"reference/tools/builtin", "reference/sandbox", true},
		{"reference/tools/mcp", "reference/sandbox", false},
		{"reference/sandbox", "reference/tools", false},
		{"reference/sandbox", "reference/sandbox/internal/quickjs", false},
		{"reference/sandbox/internal/quickjs", "reference/sandbox/internal/confine", false},
		{"reference/sandbox/internal/quickjs", "reference/sandbox/internal/webassembly", false},
		{"reference/sandbox/internal/fuel", "reference/sandbox/internal/border", false},
		{"reference/hub", "reference/session", false},
		{"reference/session", "reference/agent", true},
		{"reference/session", "reference/gateway", false},
		{"reference/session", "reference/journal/pebblestore", false},
		{"reference/session", "reference/sandbox", false},
		{"reference/session", "engine", false},
		{"reference/session/content", "reference/session", false},
		{"reference/session/placement", "reference/journal", true},
		{"reference/session/placement", "reference/session", false},
		{"reference/agent", "reference/session", false},
		{"sim", "reference/session", false},
		{"sim/steptime", "sim", false},
		{"sim/des", "internal/rng", false},
		{"configs", "internal/rng", false},
		{"internal/cli", "sim", true},
		{".", "sim", false},
	} {
		rule, ok := ruleFor(c.from)
		if !ok {
			t.Fatalf("no rule for %s", c.from)
		}
		if got := allowed(rule, c.from, c.to); got != c.want {
			t.Errorf("%s may import %s: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}
