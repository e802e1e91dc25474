package workloads_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"tierlab/workloads"
)

const header = `{"kind":"header","schema":"tierlab/v1","name":"t","provenance":{"source":"test"}}`

// lines joins lines into a file that begins with a header.
func lines(rest ...string) string {
	return strings.Join(append([]string{header}, rest...), "\n") + "\n"
}

// step is a step line with a prompt and an answer of ten tokens; more are
// further fields.
func step(id string, more ...string) string {
	fields := append([]string{`"kind":"step"`, `"id":"` + id + `"`}, more...)
	if !strings.Contains(strings.Join(more, ","), `"llm"`) {
		fields = append(fields, `"llm":{"output_tokens":10,"context":{"add":10}}`)
	}
	return "{" + strings.Join(fields, ",") + "}"
}

const session = `{"kind":"session","id":"a"}`

func readAll(text string) ([]*workloads.Trace, error) {
	var all []*workloads.Trace
	for t, err := range workloads.NewReader(strings.NewReader(text), "w.jsonl").Sessions() {
		if err != nil {
			return all, err
		}
		all = append(all, t)
	}
	return all, nil
}

func TestReaderNamesWhatIsWrong(t *testing.T) {
	waits := func(id, on string) string { return `"after":[{"step":"` + id + `","on":"` + on + `"}]` }
	spawns := func(ids string) string { return `"tools":[{"name":"task","spawn":[` + ids + `]}]` }
	for _, c := range []struct{ name, file, want string }{
		{"empty file", "", `w.jsonl:1: the file is empty (a header line first)`},
		{"no header", session + "\n", `w.jsonl:1: kind: "session" (a header line first)`},
		{"newer schema", strings.Replace(lines(), "v1", "v2", 1), `"tierlab/v2" was written by a newer program (this program reads tierlab/v1)`},
		{"newer schema with new fields", strings.Replace(strings.Replace(lines(), "v1", "v2", 1), `"name"`, `"new":1,"name"`, 1), `written by a newer program`},
		{"other schema", strings.Replace(lines(), "tierlab/v1", "x", 1), `schema: unknown schema "x" ("tierlab/v1")`},
		{"second header", lines(header), `w.jsonl:2: header: a second header`},
		{"unknown kind", lines(`{"kind":"sesion","id":"a"}`), `w.jsonl:2: kind: unknown kind "sesion" (did you mean "session"?)`},
		{"kind not first", lines(`{"id":"a","kind":"session"}`), `w.jsonl:2: id: no kind`},
		{"unknown field", lines(session, step("s", `"afer":[]`)), `w.jsonl:3: step "s": afer: unknown field (did you mean "after"?)`},
		{"field in other case", lines(`{"kind":"session","ID":"a"}`), `ID: unknown field`},
		{"field twice", lines(`{"kind":"session","id":"a","id":"b"}`), `id: the field stands here twice`},
		{"field missing", lines(session, `{"kind":"step","id":"s","llm":{"output_tokens":1}}`), `step "s": llm.context: the field is missing`},
		{"null", lines(`{"kind":"session","id":"a","origin":null}`), `origin: null (leave the field out instead)`},
		{"wrong type", lines(session, step("s", `"llm":{"output_tokens":"ten","context":{"add":1}}`)), `llm.output_tokens: a string (a whole number)`},
		{"fraction", lines(session, step("s", `"llm":{"output_tokens":1.5,"context":{"add":1}}`)), `llm.output_tokens: 1.5 is not one`},
		{"negative tokens", lines(session, step("s", `"llm":{"output_tokens":1,"context":{"add":-1}}`)), `llm.context.add: -1 is negative (zero or more)`},
		{"negative time", lines(`{"kind":"session","id":"a","arrival_ms":-5}`), `session "a": arrival_ms: -5 is negative`},
		{"endless time", lines(`{"kind":"session","id":"a","arrival_ms":1e300}`), `arrival_ms: 1e300 is too long a time`},
		{"bad enum", lines(session, step("s", `"after":[{"on":"strat"}]`)), `after[0].on: unknown value "strat" (did you mean "start"?)`},
		{"bad cause", lines(session, step("s", `"after":[{"cause":"x"}]`)), `after[0].cause: unknown value "x" (one of tool+client, human, unknown)`},
		{"arrival done", lines(session, step("s", `"after":[{"on":"llm_done"}]`)), `after[0].on: "llm_done": the session's arrival has no other moment`},
		{"waits twice", lines(session, step("r"), step("s", `"after":[{"step":"r"},{"step":"r","on":"tools_done"}]`)), `after[1]: the step waits for this moment already`},
		{"cut off", header + "\n" + session[:20], `w.jsonl:2: session: the line ends early (the file may be cut off)`},
		{"cut off in a number", lines() + `{"kind":"session","id":"a","arrival_ms":12`, `w.jsonl:2: session "a": the line ends early`},
		{"cut off in messages", lines(session) + `{"kind":"step","id":"s","messages":[{"role":"us`, `messages: the line ends early`},
		{"bad UTF-8", lines("{\"kind\":\"session\",\"id\":\"\xff\"}"), `w.jsonl:2: not valid UTF-8`},
		{"gzip", "\x1f\x8b\x08\x00", `w.jsonl:1: compressed with gzip (gunzip it first)`},
		{"byte order mark", "\ufeff" + lines(), `w.jsonl:1: a byte order mark (UTF-8 without one)`},
		{"empty line", lines(""), `w.jsonl:2: an empty line`},
		{"two objects", lines(session + session), `something follows the object`},
		{"step outside", lines(step("s")), `step "s": a step outside a session`},
		{"no steps", lines(session), `w.jsonl:2: session "a": the session has no step`},
		{"duplicate step", lines(session, step("s"), step("s")), `w.jsonl:4: step "s": id: the session has this step already, in line 3`},
		{"dangling step", lines(session, step("s8"), step("s3", waits("s9", "start"))), `w.jsonl:4: step "s3": after[0].step: "s9" is not a step of this session (did you mean "s3"?)`},
		{"dangling context", lines(session, step("s", `"llm":{"output_tokens":1,"context":{"from":"zz","add":1}}`)), `llm.context.from: "zz" is not a step of this session`},
		{"dangling prefix", lines(`{"kind":"prefix","name":"system","add":9}`, session, step("s", `"llm":{"output_tokens":1,"context":{"from":"@sytem","add":1}}`)), `"sytem" is not a prefix defined before this step (did you mean "system"?)`},
		{"prefix too short", lines(`{"kind":"prefix","name":"p","add":9}`, session, step("s", `"llm":{"output_tokens":1,"context":{"from":"@p","keep":10,"add":1}}`)), `llm.context.keep: 10 tokens, but prefix "p" holds 9`},
		{"nested prefix too short", lines(`{"kind":"prefix","name":"p","add":9}`, `{"kind":"prefix","name":"q","from":"p","keep":10,"add":1}`), `prefix "q": keep: 10 tokens, but prefix "p" holds 9`},
		{"keep of nothing", lines(session, step("s", `"llm":{"output_tokens":1,"context":{"keep":5,"add":1}}`)), `llm.context.keep: 5 tokens of nothing`},
		{"keep too much", lines(session, step("r"), step("s", `"llm":{"output_tokens":1,"context":{"from":"r","keep":21,"add":1}}`)), `21 tokens, but step "r" holds 20 (prompt 10, output 10)`},
		{"cycle", lines(session, step("a", waits("c", "start")), step("b", waits("a", "llm_done")), step("c", waits("b", ""))), `w.jsonl:3: step "a": after: a cycle: a -> b -> c -> a`},
		{"cycle of one", lines(session, step("a", waits("a", "start"))), `a cycle: a -> a`},
		{"cycle through a context", lines(session, step("a", `"llm":{"output_tokens":1,"context":{"from":"b","add":1}}`), step("b", waits("a", "start"))), `a cycle: a -> b -> a`},
		{"cycle through a spawn", lines(session, step("p", spawns(`"x","y"`)), step("x", waits("p", "llm_done")), step("y", `"after":[{"step":"x"},{"step":"p"}]`)), `a cycle: p -> y -> p`},
		{"spawned twice", lines(session, step("p", spawns(`"x","x"`)), step("x", waits("p", "llm_done"))), `tools[0].spawn[1]: step "x" is spawned by tools[0] of step "p" already`},
		{"spawned without waiting", lines(session, step("p", spawns(`"x"`)), step("x")), `step "x": after: the step is spawned by step "p" but does not wait for it`},
		{"spawn with duration", lines(session, step("p", `"tools":[{"name":"task","duration_ms":1,"spawn":["x"]}]`)), `tools[0].duration_ms: the call lasts as long as the steps that it spawns`},
		{"bad tool status", lines(session, step("p", `"tools":[{"name":"t","status":"eror"}]`)), `tools[0].status: unknown value "eror" (did you mean "error"?)`},
		{"private kept in the open", lines(session, step("r", `"pii":true`), step("s", `"llm":{"output_tokens":1,"context":{"from":"r","keep":1,"add":1}}`)), `step "s": llm.context.keep: 1 tokens include those of step "r", which is private (at most 0, which is what step "r" itself kept, or pii: true)`},
		{"private kept at second hand", lines(session, step("r", `"pii":true`), step("s", `"pii":true`, `"llm":{"output_tokens":1,"context":{"from":"r","keep":12,"add":5}}`), step("u", `"llm":{"output_tokens":1,"context":{"from":"s","keep":12,"add":1}}`)), `step "u": llm.context.keep: 12 tokens include those of step "r", which is private`},
		{"private and resident", lines(`{"kind":"session","id":"a","data":{"pii":true,"residency":["eu"]}}`), `data: pii keeps the data on the device`},
		{"solved and failed", lines(session, step("s", `"llm":{"output_tokens":1,"solved_by":["m"],"failed_by":["m"],"context":{"add":1}}`)), `llm.failed_by[0]: "m" is among solved_by`},
		{"outcome elsewhere", lines(session, step("s"), `{"kind":"outcome","session":"b","status":"ok","start_ms":0,"end_ms":1}`), `session: "b", behind session "a"`},
		{"outcome of no step", lines(session, step("s"), `{"kind":"outcome","session":"a","step":"t","status":"ok","start_ms":0,"end_ms":1}`), `"t" is not a step of this session`},
		{"outcome ends early", lines(session, step("s"), `{"kind":"outcome","session":"a","status":"ok","start_ms":2,"end_ms":1}`), `end_ms: 1ms, before the start at 2ms`},
		{"step behind outcome", lines(session, step("s"), `{"kind":"outcome","session":"a","status":"ok","start_ms":0,"end_ms":1}`, step("t")), `a step behind an outcome`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := readAll(c.file)
			var e *workloads.Error
			if !errors.As(err, &e) {
				t.Fatalf("got error %v of type %T, want an *Error", err, err)
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("error:\n  %v\nlacks:\n  %s", err, c.want)
			}
			if e.File != "w.jsonl" || e.Line == 0 && !strings.Contains(c.name, "empty file") {
				t.Errorf("the error names file %q, line %d", e.File, e.Line)
			}
		})
	}
}

func TestReaderRefusesOverlongLine(t *testing.T) {
	file := lines(`{"kind":"session","id":"` + strings.Repeat("x", workloads.MaxLine) + `"}`)
	_, err := readAll(file)
	if err == nil || !strings.Contains(err.Error(), "w.jsonl:2: the line is too long (at most 64 MiB)") {
		t.Fatalf("got %v", err)
	}
}

// full uses every field of every kind.
const full = `{"kind":"header","schema":"tierlab/v1","name":"n","provenance":{"source":"s","license":"MIT","method":"m","notes":["a","b"],"fitted":{"p50":0.3,"p90":14}},"tokenizer":"cl100k","run":{"target":"sim","fidelity":"queue","workload":"w","workload_digest":"1","topology":"t","topology_digest":"2","policy":"p","policy_digest":"3","load":"poisson:1","seed":18446744073709551615,"replication":3,"version":"v","machine":"m","partial":true,"valid":false,"invalid":["lag"]}}
{"kind":"prefix","name":"sys","add":100}
{"kind":"prefix","name":"sys2","from":"sys","keep":50,"add":25}
{"kind":"session","id":"s \"1\"\n","arrival_ms":0,"origin":"lagos","tenant":"t","budget":{"usd":0.5,"steps":50,"tokens":100000,"deadline_ms":60000.5},"data":{"residency":["eu","ch"]},"labels":{"a":"1","b":"2"}}
{"kind":"step","id":"1","llm":{"kind":"plan","task":"Plan it <now> & fast – go","model":"m","pin":"p","modality":"text","difficulty":-0.25,"latency_budget_ms":500,"output_tokens":20,"context":{"from":"@sys2","keep":75,"add":10},"solved_by":["a"],"failed_by":["b"],"recorded_ms":1234.567891,"recorded_ttft_ms":0},"tools":[{"name":"grep","duration_ms":300,"bytes_in":10,"bytes_out":2000,"data":"origin","status":"error","code":{"language":"javascript","source":"1+1"}},{"name":"task","spawn":["2","3"]}],"pii":true,"messages":[{"role":"user","content":"<hi>","n":null}]}
{"kind":"step","id":"2","after":[{"step":"1","on":"llm_done","delay_ms":20}],"llm":{"output_tokens":5,"context":{"add":40}}}
{"kind":"step","id":"3","after":[{"step":"2","delay_ms":20,"cause":"unknown","inferred":true}],"llm":{"output_tokens":5,"context":{"from":"2","keep":45,"add":40}}}
{"kind":"step","id":"4","after":[{"step":"1","on":"tools_done","delay_ms":5000,"cause":"human"}],"llm":{"output_tokens":0,"context":{"from":"1","keep":60,"add":1}}}
{"kind":"outcome","session":"s \"1\"\n","template":"s","step":"1","status":"ok","start_ms":1,"end_ms":2,"llm_done_ms":1.5,"attempts":[{"site":"x","tier":"metro","model":"m","reason":"r","status":"timeout","hedge":true,"due_ms":1,"sent_ms":1,"first_ms":1.2,"done_ms":1.5,"queue_ms":0,"prefill_ms":0.1,"decode_ms":0.2,"network_ms":0.2,"input_tokens":1,"cached_tokens":2,"output_tokens":3,"usd":1e-07,"egress_usd":0.25,"joules":1.5,"estimate_ms":350,"correct":false}]}
{"kind":"outcome","session":"s \"1\"\n","status":"partial","start_ms":0,"end_ms":9,"result":{"origin":"o","home":"h","tenant":"t","makespan_ms":9,"active_ms":8,"split":{"queue_ms":1,"network_ms":1,"prefill_ms":1,"decode_ms":1,"tool_ms":1,"state_ms":1,"backoff_ms":2,"think_ms":1},"steps":4,"tools":2,"usd":{"tokens":1,"egress":2,"state":3,"orchestration":4,"sandbox":5,"validation":6},"resolved":true,"estimated":true,"measured":true}}
{"kind":"session","id":"t","data":{"pii":true}}
{"kind":"step","id":"1","llm":{"output_tokens":5,"context":{"from":"@sys","keep":100,"add":40}}}
`

// rewrite reads a file and writes what it read.
func rewrite(text string) (string, error) {
	rd := workloads.NewReader(strings.NewReader(text), "w.jsonl")
	h, err := rd.Header()
	if err != nil {
		return "", err
	}
	var body []*workloads.Trace
	for t, err := range rd.Sessions() {
		if err != nil {
			return "", err
		}
		body = append(body, t)
	}
	var out bytes.Buffer
	w := workloads.NewWriter(&out, *h)
	for _, p := range rd.Prefixes().All() {
		if err := w.Prefix(p); err != nil {
			return "", err
		}
	}
	for _, t := range body {
		if err := w.Trace(t); err != nil {
			return "", err
		}
	}
	err = w.Close()
	return out.String(), err
}

func TestRoundTripKeepsEveryField(t *testing.T) {
	got, err := rewrite(full)
	if err != nil {
		t.Fatal(err)
	}
	if got != full {
		t.Errorf("wrote:\n%s\nwant:\n%s", got, full)
	}
}

// TestFullUsesEveryField keeps the round trip honest when a field is added.
func TestFullUsesEveryField(t *testing.T) {
	for _, typ := range []reflect.Type{
		reflect.TypeFor[workloads.Header](), reflect.TypeFor[workloads.Run](), reflect.TypeFor[workloads.Provenance](),
		reflect.TypeFor[workloads.Prefix](), reflect.TypeFor[workloads.Session](), reflect.TypeFor[workloads.Budget](),
		reflect.TypeFor[workloads.DataRules](), reflect.TypeFor[workloads.Step](), reflect.TypeFor[workloads.After](),
		reflect.TypeFor[workloads.LLM](), reflect.TypeFor[workloads.Context](), reflect.TypeFor[workloads.Tool](),
		reflect.TypeFor[workloads.Code](), reflect.TypeFor[workloads.Outcome](), reflect.TypeFor[workloads.Attempt](),
		reflect.TypeFor[workloads.Result](), reflect.TypeFor[workloads.Split](), reflect.TypeFor[workloads.Cost](),
	} {
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if !strings.Contains(full, `"`+name+`":`) {
				t.Errorf("%s.%s: no line of the test file has the field %q", typ.Name(), typ.Field(i).Name, name)
			}
		}
	}
}

// TestWriterAgreesWithEncodingJSON checks the appending writer against the
// standard library's idea of the same structs.
func TestWriterAgreesWithEncodingJSON(t *testing.T) {
	all, err := readAll(full)
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range strings.Split(strings.TrimSpace(full), "\n")[3:6] {
		var record any = all[0].Session
		if i > 0 {
			record = all[0].Steps[i-1]
		}
		std, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		var want, got map[string]any
		if err := json.Unmarshal(std, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatal(err)
		}
		delete(got, "kind")
		if !reflect.DeepEqual(got, want) {
			t.Errorf("line %d: got %v, want %v", i, got, want)
		}
	}
}

func TestLibrary(t *testing.T) {
	lib, err := workloads.ReadLibrary(strings.NewReader(full), "w.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if len(lib.Sessions) != 2 || len(lib.Prefixes) != 2 || lib.Recorded || len(lib.Digest) != 64 {
		t.Errorf("got %d sessions, %d prefixes, recorded %v, digest %s", len(lib.Sessions), len(lib.Prefixes), lib.Recorded, lib.Digest)
	}
	for name, file := range map[string]string{
		`w.jsonl:4: session "a": id: the file has this session already, in line 2 (each session once)`: lines(session, step("s"), session, step("s")),
		`w.jsonl: the file has no session (at least one)`:                                              lines(),
	} {
		if _, err := workloads.ReadLibrary(strings.NewReader(file), "w.jsonl"); err == nil || err.Error() != name {
			t.Errorf("got %v, want %s", err, name)
		}
	}
}
