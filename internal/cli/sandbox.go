package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tierlab/reference/sandbox"
)

func newSandbox(g *global, stdio Stdio) *cobra.Command {
	return group("sandbox", "Run programs that nobody trusts, as agents' tools do", newSandboxRun(g, stdio))
}

type sandboxRunOptions struct {
	language string
	input    string
	format   string
	clock    string
	seed     uint64
	require  []string

	wall     time.Duration
	memoryMB int
	stackKB  int
	outputKB int
	fuel     uint64
}

func newSandboxRun(g *global, stdio Stdio) *cobra.Command {
	var o sandboxRunOptions
	cmd := &cobra.Command{
		Use:   "run FILE",
		Short: "Run a JavaScript or WebAssembly program in the sandbox",
		Long: `Run a program in a child process that has no files, no network and no clock, within
limits of time, memory, stack and output. FILE is JavaScript, or a WebAssembly
module for WASI preview 1 where its name ends in .wasm; - is standard input.
JavaScript finds --input as the global input, and its value is that of its last
expression; WebAssembly reads --input from standard input and writes its value to
standard output. The same program with the same input, clock and seed gives the
same output, value and fuel.

Standard output has what the program printed and, on a line of its own, its value;
standard error what the run took. A fault (an error of the program's own, or a
limit) is exit code 1.`,
		Example: `  tierlab sandbox run primes.js --input 1000
  tierlab sandbox run primes.js --input 1000 --limit-fuel 100000 --format json`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			run, err := o.run(args[0], stdio.In)
			if err != nil {
				return badInput(err)
			}
			return runSandbox(cmd.Context(), o, run, g.quiet, stdio)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.language, "language", "", "`javascript or wasm` (default: by FILE's name)")
	f.StringVar(&o.input, "input", "null", "the program's input, a `JSON` value")
	f.StringVar(&o.format, "format", "text", "the `form` of the output: text or json")
	f.StringVar(&o.clock, "clock", "1970-01-01T00:00:00Z", "the `time` at which the program's clock stands, as in RFC 3339")
	f.Uint64Var(&o.seed, "seed", 0, "the seed of the program's random `numbers`")
	f.StringSliceVar(&o.require, "require", nil, "refuse to run without these `layers` of confinement, as standard error names them")
	f.DurationVar(&o.wall, "limit-wall", 2*time.Second, "the `time` after which the program is killed")
	f.IntVar(&o.memoryMB, "limit-memory", 64, "the program's memory in `MiB`")
	f.IntVar(&o.stackKB, "limit-stack", 256, "the program's stack in `KiB`; JavaScript's only")
	f.IntVar(&o.outputKB, "limit-output", 256, "the program's output and value together in `KiB`")
	f.Uint64Var(&o.fuel, "limit-fuel", 0, "the program's `units` of work, counted the same on every machine; 0 is no limit")
	return cmd
}

// run reads the program and checks everything that can be checked without a
// sandbox.
func (o *sandboxRunOptions) run(file string, in io.Reader) (*sandbox.Run, error) {
	if o.format != "text" && o.format != "json" {
		return nil, fmt.Errorf("--format is %q, want text or json", o.format)
	}
	clock, err := time.Parse(time.RFC3339Nano, o.clock)
	if err != nil {
		return nil, fmt.Errorf("--clock is %q, want a time such as 2006-01-02T15:04:05Z", o.clock)
	}
	if !json.Valid([]byte(o.input)) {
		return nil, fmt.Errorf("--input is %q, which is no JSON value; a text needs quotes of its own: '\"text\"'", o.input)
	}
	for _, l := range []struct {
		flag string
		n    int
	}{{"memory", o.memoryMB}, {"stack", o.stackKB}, {"output", o.outputKB}} {
		if l.n <= 0 || l.n > math.MaxInt32 {
			return nil, fmt.Errorf("--limit-%s is %d, want a number above zero", l.flag, l.n)
		}
	}
	if o.wall <= 0 {
		return nil, fmt.Errorf("--limit-wall is %v, want a time above zero", o.wall)
	}
	language, err := o.languageOf(file)
	if err != nil {
		return nil, err
	}
	source, err := readProgram(file, in)
	if err != nil {
		return nil, err
	}
	return &sandbox.Run{Language: language, Source: source, Input: json.RawMessage(o.input), Clock: clock, Seed: o.seed}, nil
}

func (o *sandboxRunOptions) languageOf(file string) (sandbox.Language, error) {
	switch l := sandbox.Language(o.language); {
	case l == sandbox.JavaScript || l == sandbox.Wasm:
		return l, nil
	case l != "":
		return "", fmt.Errorf("--language is %q, want %s or %s", l, sandbox.JavaScript, sandbox.Wasm)
	case strings.EqualFold(filepath.Ext(file), ".wasm"):
		return sandbox.Wasm, nil
	}
	return sandbox.JavaScript, nil
}

func readProgram(file string, in io.Reader) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(file)
}

func (o *sandboxRunOptions) limits() sandbox.Limits {
	return sandbox.Limits{
		Wall: o.wall, Memory: int64(o.memoryMB) << 20, Stack: int64(o.stackKB) << 10, Output: o.outputKB << 10, Fuel: o.fuel,
	}
}

func runSandbox(ctx context.Context, o sandboxRunOptions, run *sandbox.Run, quiet bool, stdio Stdio) error {
	pool, err := sandbox.NewPool(sandbox.Config{Workers: 1, Limits: o.limits(), Required: o.require})
	if err != nil {
		return sandboxError(err)
	}
	defer pool.Close()
	result, err := pool.Run(ctx, run)
	if err != nil {
		return sandboxError(err)
	}
	if o.format == "json" {
		err = writeSandboxJSON(stdio.Out, result)
	} else {
		err = writeSandboxText(result, quiet, stdio)
		if err == nil && !quiet {
			err = writeConfinement(stdio.Err, pool.Confinement())
		}
	}
	if err == nil && result.Fault != nil {
		return result.Fault
	}
	return err
}

// sandboxError tells what the user can mend from what the machine cannot do.
func sandboxError(err error) error {
	var run *sandbox.RunError
	var config *sandbox.ConfigError
	if errors.As(err, &run) || errors.As(err, &config) {
		return badInput(err)
	}
	return err
}

func writeSandboxText(r *sandbox.Result, quiet bool, stdio Stdio) error {
	out := string(r.Output)
	if out != "" && !strings.HasSuffix(out, "\n") {
		out += "\n"
	}
	if r.Fault == nil {
		out += string(r.Value) + "\n"
	}
	if _, err := io.WriteString(visible(stdio.Out), out); err != nil || quiet {
		return err
	}
	u := r.Used
	_, err := fmt.Fprintf(stdio.Err, "took %v, %v of the processor, %.1f MiB, %d units of fuel\n",
		u.Wall.Round(time.Microsecond), u.CPU.Round(time.Microsecond), float64(u.Memory)/(1<<20), u.Fuel)
	return err
}

// writeConfinement names the layers that hold the program, and those that do
// not with the reason.
func writeConfinement(to io.Writer, layers []sandbox.Layer) error {
	var in []string
	for _, l := range layers {
		if l.InForce {
			in = append(in, l.Name)
			continue
		}
		if _, err := fmt.Fprintf(to, "without %s: %s\n", l.Name, l.Detail); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(to, "confined by %s\n", strings.Join(append([]string{"a process of its own"}, in...), ", "))
	return err
}

// sandboxRecord is a result in the form of --format json.
type sandboxRecord struct {
	Value  json.RawMessage `json:"value"`
	Output string          `json:"output"`
	Fault  *sandboxFault   `json:"fault,omitempty"`
	Used   sandboxUsed     `json:"used"`
}

type sandboxFault struct {
	Kind    sandbox.FaultKind `json:"kind"`
	Message string            `json:"message"`
}

type sandboxUsed struct {
	WallMs      float64 `json:"wall_ms"`
	CPUMs       float64 `json:"cpu_ms"`
	MemoryBytes int64   `json:"memory_bytes"`
	Fuel        uint64  `json:"fuel"`
}

func writeSandboxJSON(to io.Writer, r *sandbox.Result) error {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	record := sandboxRecord{Value: r.Value, Output: string(r.Output), Used: sandboxUsed{
		WallMs: ms(r.Used.Wall), CPUMs: ms(r.Used.CPU), MemoryBytes: r.Used.Memory, Fuel: r.Used.Fuel,
	}}
	if r.Fault != nil {
		record.Fault = &sandboxFault{r.Fault.Kind, r.Fault.Message}
	}
	e := json.NewEncoder(to)
	e.SetEscapeHTML(false)
	return e.Encode(record)
}
