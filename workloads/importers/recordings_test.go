package importers

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tierlab/workloads"
)

// recording is the path of a recording outside the repository. The test is
// skipped where there is none.
func recording(t *testing.T, path string) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; ; dir = filepath.Dir(dir) {
		found := filepath.Join(dir, "shared", "data", path)
		if _, err := os.Stat(found); err == nil {
			return found
		}
		if dir == filepath.Dir(dir) {
			t.Skipf("no folder above this one has shared/data/%s", path)
		}
	}
}

// imported runs an importer and reads its result back.
func imported(t *testing.T, im Importer, paths ...string) (*workloads.Library, Summary) {
	t.Helper()
	var out bytes.Buffer
	sum, err := im.Import(paths, &out, Options{})
	if err != nil {
		t.Fatal(err)
	}
	lib, err := workloads.ReadLibrary(&out, im.Name)
	if err != nil {
		t.Fatal(err)
	}
	var got Summary
	got.Notes, got.Prefixes, got.Sessions = sum.Notes, len(lib.Prefixes), len(lib.Sessions)
	for _, g := range lib.Sessions {
		got.Steps += len(g.Steps)
		got.Tools += g.Tools
		for i := range g.Steps {
			got.Input += int64(g.Steps[i].Input)
			got.Output += int64(g.Steps[i].Output)
		}
	}
	if got.Sessions != sum.Sessions || got.Steps != sum.Steps || got.Tools != sum.Tools ||
		got.Input != sum.Input || got.Output != sum.Output || got.Prefixes != sum.Prefixes {
		t.Errorf("the summary says %+v, the file %+v", sum, got)
	}
	return lib, sum
}

func wantSummary(t *testing.T, got, want Summary) {
	t.Helper()
	notes := strings.Join(got.Notes, "\n")
	got.Notes = nil
	if got.Sessions != want.Sessions || got.Steps != want.Steps || got.Tools != want.Tools ||
		got.Prefixes != want.Prefixes || got.Input != want.Input || got.Output != want.Output {
		t.Errorf("got %+v\nwant %+v\nnotes:\n%s", got, want, notes)
	}
}

// The counts of the real recordings are those of the sources' own totals, or
// were counted with other tools.

func TestWekaRecording(t *testing.T) {
	lib, sum := imported(t, weka, recording(t, "kv-cache-tester/traces"))
	wantSummary(t, sum, Summary{Sessions: 36, Steps: 1230, Tools: 4, Input: 79581518, Output: 618183})
	for _, g := range lib.Sessions {
		if g.Session.ID != "trace_0277" {
			continue
		}
		for i := range g.Steps {
			if s := g.Steps[i].Step; s.ID == "2" {
				if len(s.After) != 1 || s.After[0].Step != "agent_001/4" || !s.After[0].Inferred || s.After[0].Delay.D().Seconds() != 92.886 {
					t.Errorf("the parent resumes after %+v, want it 92.886 s after the only sub-agent that had ended", s.After)
				}
			}
		}
	}
}

func TestWekaCompactRecording(t *testing.T) {
	raw, _ := imported(t, weka, recording(t, "kv-cache-tester/traces"))
	compact, _ := imported(t, weka, recording(t, "kv-cache-tester/sessions_compact.jsonl.gz"))
	if len(compact.Sessions) != 346 {
		t.Fatalf("got %d sessions, want 346", len(compact.Sessions))
	}
	byID := map[string]*workloads.Graph{}
	for _, g := range compact.Sessions {
		byID[g.Session.ID] = g
	}
	for _, g := range raw.Sessions {
		other := byID[g.Session.ID]
		if other == nil || len(other.Steps) != len(g.Steps) {
			t.Errorf("session %s differs between the two forms", g.Session.ID)
			continue
		}
		for i := range g.Steps {
			if g.Steps[i].Step.LLM.Context != other.Steps[i].Step.LLM.Context {
				t.Errorf("session %s step %s: context %+v, in the compact form %+v", g.Session.ID, g.Steps[i].Step.ID,
					g.Steps[i].Step.LLM.Context, other.Steps[i].Step.LLM.Context)
			}
		}
	}
}

// TestWekaRules checks what the importer's comment states about the source.
func TestWekaRules(t *testing.T) {
	files, err := expand([]string{recording(t, "kv-cache-tester/traces")}, weka.suffixes)
	if err != nil {
		t.Fatal(err)
	}
	gaps, contradict, unexplained, timedContradict := 0, 0, 0, 0
	for _, file := range files {
		tr := &wekaTrace{}
		if err := readJSON(file, tr); err != nil {
			t.Fatal(err)
		}
		var last *wekaEntry
		end := -1.0 // of the latest request with an api_time
		for i := range tr.Requests {
			e := &tr.Requests[i]
			if e.Type == "subagent" {
				final := 0.0
				for _, r := range e.Requests {
					final = max(final, r.T+*r.APITime)
				}
				if d := e.DurationMS/1000 - final; d < 0 || d > 6 {
					t.Errorf("%s: sub-agent at %g s: its last answer is %g s before its end", file, e.T, d)
				}
				continue
			}
			if last != nil && e.ThinkTime != nil {
				gaps++
				gap := e.T - last.T
				if last.APITime != nil {
					gap -= *last.APITime
				}
				// Both are rounded to a second.
				if d := *e.ThinkTime - gap; d > 1.01 || d < -1.01 {
					contradict++
					if last.APITime != nil {
						timedContradict++
					}
				}
				if d := *e.ThinkTime - max(0, e.T-end); end < 0 || d > 1.01 || d < -1.01 {
					unexplained++
				}
			}
			if e.APITime != nil {
				end = e.T + *e.APITime
			}
			last = e
		}
	}
	if contradict != 160 || timedContradict != 0 || unexplained != 0 {
		t.Errorf("of %d gaps %d contradict think_time, %d of them after a timed request; %d do not follow the rule",
			gaps, contradict, timedContradict, unexplained)
	}
}

func TestMooncakeRecording(t *testing.T) {
	lib, sum := imported(t, mooncake, recording(t, "mooncake-fast25/conversation_trace.jsonl"))
	wantSummary(t, sum, Summary{Sessions: 12031, Steps: 12031, Prefixes: 3970, Input: 144793823, Output: 4122048})
	if !lib.Recorded {
		t.Error("an arrival is missing")
	}
}

func TestAzureRecording(t *testing.T) {
	lib, sum := imported(t, azure, recording(t, "azure-llm-2023/AzureLLMInferenceTrace_conv.csv"))
	wantSummary(t, sum, Summary{Sessions: 19366, Steps: 19366, Input: 22361870, Output: 4088665})
	if got := lib.Sessions[1].Session.Arrival.D().String(); got != "4.314579s" {
		t.Errorf("the second request arrives at %s, want 4.314579s", got)
	}
}

func TestTraceLabRecording(t *testing.T) {
	for _, form := range []string{"derived", "sanitized"} {
		lib, sum := imported(t, traceLab, recording(t, "tracelab-examples/example_sessions/"+form+"/round_trace.jsonl"))
		wantSummary(t, sum, Summary{Sessions: 2, Steps: 19, Tools: 19, Input: 514012, Output: 11335})
		human := 0
		for _, g := range lib.Sessions {
			for i := range g.Steps {
				if g.Steps[i].Wait[0].Cause == workloads.CauseHuman {
					human++
				}
			}
		}
		if human != 3 {
			t.Errorf("got %d human gaps, want 3", human)
		}
	}
}

func TestOpenHandsRecording(t *testing.T) {
	_, sum := imported(t, openHands, recording(t, "openhands-multi-swe/output.jsonl"))
	wantSummary(t, sum, Summary{Sessions: 3, Steps: 105, Tools: 103, Input: 1913342, Output: 13341})
}
