package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"tierlab/workloads"
	"tierlab/workloads/generate"
)

// embedded names the workload that is part of the program.
const embedded = "embedded"

func newWorkload(g *global, stdio Stdio) *cobra.Command {
	return group("workload", "Import, generate, look at and cut workloads",
		newWorkloadExport(g, stdio),
		newWorkloadGenerate(g, stdio),
		newWorkloadImport(g, stdio),
		newWorkloadInspect(stdio),
		newWorkloadProfiles(stdio),
		newWorkloadSelect(g, stdio),
		newWorkloadValidate(stdio),
	)
}

// openWorkload opens a workload by its name on the command line: a file, "-"
// for standard input, or "embedded". The name is the one for messages.
func openWorkload(arg string, stdio Stdio) (r io.ReadCloser, name string, err error) {
	switch arg {
	case "-":
		return io.NopCloser(stdio.In), "standard input", nil
	case embedded:
		b, err := generate.EmbeddedBytes()
		return io.NopCloser(bytes.NewReader(b)), embedded, err
	}
	f, err := os.Open(arg)
	if err != nil {
		return nil, "", badInputf("workload: %w", err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, "", badInputf("workload: %s is a folder; a workload is a file of JSON lines (tierlab workload import makes one)", arg)
	}
	return f, arg, nil
}

// readLibrary reads a whole workload for replay.
func readLibrary(ctx context.Context, arg string, stdio Stdio) (*workloads.Library, error) {
	r, name, err := openWorkload(arg, stdio)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	lib, err := workloads.ReadLibrary(&interruptible{ctx, r}, name)
	return lib, badInput(err)
}

// interruptible is a reader that ends with its context.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (r *interruptible) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(b)
}

// tally counts what passes through a command.
type tally struct{ sessions, steps, tools, outcomes int }

func (n *tally) add(t *workloads.Trace) {
	n.sessions++
	n.steps += len(t.Steps)
	n.tools += t.Graph.Tools
	n.outcomes += len(t.Outcomes)
}

func (n *tally) String() string {
	parts := []string{count(n.sessions, "session"), count(n.steps, "step"), count(n.tools, "tool call")}
	if n.outcomes > 0 {
		parts = append(parts, count(n.outcomes, "outcome"))
	}
	return strings.Join(parts, ", ")
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%s %s", thousands(n), noun)
}

// thousands writes n with commas.
func thousands(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
