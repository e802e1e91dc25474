package confine

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// order tells a child of the tests what to do.
type order struct {
	Config Config
	Do     string
	Target target
}

// answer is what a child says before it ends.
type answer struct {
	Report Report
	Err    string // of what it was told to do; empty: it got through
}

const childName = "confined-child"

func TestMain(m *testing.M) {
	if os.Args[0] == childName {
		serve()
	}
	os.Exit(m.Run())
}

func serve() {
	var o order
	if err := json.Unmarshal([]byte(os.Args[1]), &o); err != nil {
		panic(err)
	}
	todo := deeds()[o.Do]
	r, err := Apply(o.Config)
	json.NewEncoder(os.Stdout).Encode(answer{Report: r})
	if err == nil {
		err = todo(&o.Target)
	}
	a := answer{Report: r}
	if err != nil {
		a.Err = err.Error()
	}
	json.NewEncoder(os.Stdout).Encode(a)
	os.Exit(0)
}

// deeds are all that a child can be told.
func deeds() map[string]func(*target) error {
	all := map[string]func(*target) error{}
	for _, a := range attempts() {
		all[a.name] = a.try
	}
	for name, do := range works() {
		all[name] = do
	}
	return all
}

// outcome is how a child ended.
type outcome struct {
	answer
	applied bool
	ended   bool // by itself, after what it was told
	status  syscall.WaitStatus
	stderr  string
}

func (o *outcome) prevented() bool { return !o.ended || o.Err != "" }

func (o *outcome) String() string {
	if o.ended {
		return "error: " + o.Err
	}
	return fmt.Sprintf("ended by %v, exit code %d, %.300s", o.status.Signal(), o.status.ExitStatus(), o.stderr)
}

func run(t *testing.T, o order) *outcome {
	t.Helper()
	p, err := Prepare(o.Config)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(o)
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Args = []string{childName, string(text)}
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	p.Command(cmd)
	cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("the child does not end; it said %s%s", &out, &stderr)
	}
	result := &outcome{stderr: stderr.String()}
	result.status, _ = cmd.ProcessState.Sys().(syscall.WaitStatus)
	d := json.NewDecoder(&out)
	result.applied = d.Decode(&result.answer) == nil
	result.ended = d.Decode(&result.answer) == nil
	return result
}

// only leaves out all layers but those.
func only(layers ...Layer) []Layer {
	return slices.DeleteFunc(Layers(), func(l Layer) bool { return slices.Contains(layers, l) })
}

func newTarget(t *testing.T) target {
	dir, err := os.MkdirTemp("", "confine")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, name := range []string{"file", "spare"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("secret"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	os.Chmod(dir, 0o777)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return target{Dir: dir, Address: l.Addr().String(), Parent: os.Getpid()}
}

// TestAttempts makes each attempt in a child that has no layer, where it gets
// through, in one with each layer that stops it alone, and in one with all.
func TestAttempts(t *testing.T) {
	for _, a := range attempts() {
		t.Run(strings.ReplaceAll(a.name, " ", "-"), func(t *testing.T) {
			t.Parallel()
			open := run(t, order{Config{Without: Layers()}, a.name, newTarget(t)})
			if open.prevented() {
				t.Skipf("without any layer it does not get through here: %v", open)
			}
			for _, l := range a.by {
				held := run(t, order{Config{Without: only(l)}, a.name, newTarget(t)})
				if !held.applied || !held.Report.In(l) {
					t.Logf("%s is not in force here", l)
				} else if !held.prevented() {
					t.Errorf("%s alone does not prevent it", l)
				}
			}
			held := run(t, order{Config{MakesCode: a.name != "memory that becomes code"}, a.name, newTarget(t)})
			if !held.applied || !held.prevented() {
				t.Errorf("with all layers it gets through: %v", held.Report)
			}
			t.Logf("with all layers (%s alone): %v", names(a.by), held)
		})
	}
}

// TestReport: what is not left out and not missing is in force, and a missing
// layer that is required stops the child.
func TestReport(t *testing.T) {
	probe := Probe()
	held := run(t, order{Config{Memory: 1 << 30, CPU: time.Minute}, "nothing", target{}})
	if !held.ended || held.Err != "" {
		t.Fatalf("a confined child cannot do nothing: %v", held)
	}
	t.Logf("here:\n%s", held.Report)
	for _, l := range Layers() {
		if probe.In(l) != held.Report.In(l) {
			t.Errorf("%s: Probe says %v, the child %v", l, probe.In(l), held.Report.In(l))
		}
		left := run(t, order{Config{Without: []Layer{l}}, "nothing", target{}})
		if left.Report.In(l) || len(left.Report) != len(Layers()) {
			t.Errorf("%s is in force though left out: %v", l, left.Report)
		}
	}
	both := Config{Without: []Layer{Landlock}, Required: []Layer{Landlock}}
	if got := run(t, order{both, "nothing", target{}}); !strings.Contains(got.Err, "requires landlock") {
		t.Errorf("a child without a required layer: %v", got)
	}
	if _, err := Prepare(Config{Without: []Layer{Namespaces}, Required: []Layer{Namespaces}}); err == nil {
		t.Error("a parent without required namespaces goes on")
	}
}
