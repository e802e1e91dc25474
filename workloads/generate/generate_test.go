package generate

import (
	"bytes"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"tierlab/workloads"
)

// failer is what testing.T and rapid.T have in common here.
type failer interface {
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

// file generates n sessions of a profile as a workload file.
func file(t failer, p *Profile, n int, seed uint64) []byte {
	h, err := p.Header(n, seed)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := workloads.NewWriter(&b, h)
	if err := Generate(p, n, seed, w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func builtin(t failer, name string) *Profile {
	p, err := Builtin(name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestEveryWorkloadIsValid: whatever the seed and the simple share, the
// writer, the reader and Compile accept what a profile generates.
func TestEveryWorkloadIsValid(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				p := *builtin(t, name)
				p.SimpleShare = rapid.Float64Range(0, 1).Draw(t, "simple share")
				p.Agents.Probability = min(1, p.Agents.Probability*rapid.Float64Range(0, 8).Draw(t, "delegation"))
				n := rapid.IntRange(1, 6).Draw(t, "sessions")
				b := file(t, &p, n, rapid.Uint64().Draw(t, "seed"))
				lib, err := workloads.ReadLibrary(bytes.NewReader(b), name)
				if err != nil {
					t.Fatal(err)
				}
				if len(lib.Sessions) != n || !lib.Recorded {
					t.Fatalf("%d sessions, recorded %t; want %d with arrivals", len(lib.Sessions), lib.Recorded, n)
				}
				for _, g := range lib.Sessions {
					checkSession(t, &p, g)
				}
			})
		})
	}
}

// checkSession holds a session to what the package comment promises.
func checkSession(t failer, p *Profile, g *workloads.Graph) {
	if len(g.Roots) != 1 {
		t.Fatalf("%s: %d roots, want one", g.Session.ID, len(g.Roots))
	}
	ends := 0
	for i := range g.Steps {
		s := g.Steps[i].Step
		// A sub-agent's last step is joined through the call that spawned it.
		if g.Steps[i].Owner < 0 && len(g.Steps[i].Next) == 0 {
			ends++
			if len(s.Tools) > 0 {
				t.Fatalf("%s %s: the session ends with tool calls", g.Session.ID, s.ID)
			}
		}
		if strings.ContainsAny(s.LLM.Task, "{}") {
			t.Fatalf("%s %s: task %q has an open slot", g.Session.ID, s.ID, s.LLM.Task)
		}
		if s.PII && s.LLM.Context.From != "" && !strings.HasPrefix(s.LLM.Context.From, "@") {
			t.Fatalf("%s %s: a private step keeps the session's context", g.Session.ID, s.ID)
		}
	}
	if ends != 1 {
		t.Fatalf("%s: the session's own line has %d ends, want one", g.Session.ID, ends)
	}
}

// TestSameBytes: the same profile, number and seed give the same bytes, and a
// longer workload begins with the shorter one.
func TestSameBytes(t *testing.T) {
	p := builtin(t, "multi-agent")
	a, b := file(t, p, 12, 7), file(t, p, 12, 7)
	if !bytes.Equal(a, b) {
		t.Error("two runs differ")
	}
	if bytes.Equal(a, file(t, p, 12, 8)) {
		t.Error("another seed gives the same bytes")
	}
	_, short, _ := bytes.Cut(a, []byte("\n"))
	_, long, _ := bytes.Cut(file(t, p, 20, 7), []byte("\n"))
	if !bytes.HasPrefix(long, short) {
		t.Error("the first 12 of 20 sessions are not the 12 sessions of the shorter workload")
	}
}

func TestEmbedded(t *testing.T) {
	lib, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if lib.Digest != again.Digest {
		t.Error("the embedded workload changes from call to call")
	}
	profiles := map[string]int{}
	for _, g := range lib.Sessions {
		profiles[g.Session.Labels["profile"]]++
	}
	if len(profiles) != len(Names()) {
		t.Errorf("the embedded mix has the profiles %v, want all of %v", profiles, Names())
	}
}
