package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tierlab/bench/shapes"
	"tierlab/bench/telemetry"
)

// engineBenchOptions say what to measure.
type engineBenchOptions struct {
	engine engineOptions
	shapes string
	repeat int
	format string
	// Flags are the engine's, by which a server in a process of its own is told
	// the same.
	flags []string
}

func newEngineBench(g *global, stdio Stdio) *cobra.Command {
	var o engineBenchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a model's speed on this machine",
		Long: `Measure a model's speed on this machine, beside what the machine's memory and
arithmetic give at most (measured in the same run). In process and without HTTP:

  pp512       a prompt of 512 tokens alone; prefill:8192 is pp8192
  tg128       128 tokens one at a time; tg128@4096: behind a prompt of 4,096
  batch16     16 sequences decode side by side
  decode:32x1024  32 sequences decode side by side at a context of 1,024 tokens
  sessions16  16 sessions of 2 calls over a shared prefix, at once; the ratio is
              to one after another
  stall16384  a prompt of 16,384 tokens arrives while 4 sequences decode
              (stall:32768x16: 16): their gaps beside those before it came, and
              its time to first token beside the same alone

Over HTTP, on "tierlab engine serve" in a process of its own:

  sharegpt:4000x200  4,000 requests with lengths of people's chats, 200 at once
  load:8x400         400 requests of mixed lengths, 8 a second, at random
  agentic:20x5x10    20 sessions of 5 turns, 10 at once: time to first token by turn
  startup:cold, startup:warm   from starting the process to its first token

@0.1 behind the first three of these multiplies their lengths. Figures are medians
over --repeat runs, with the range of the rate; loads over HTTP run once. The
roofline is the larger of the times that memory and arithmetic need at least, NO
OVERLAP their sum; go doc tierlab/bench/shapes Ceilings has the formula. With
--backend null the shapes over HTTP show what the server takes besides a model.`,
		Example: `  tierlab engine bench --model tiny --shapes pp64,tg16,decode:4x64 --repeat 2
  tierlab engine bench --model tiny --threads 1 --shapes pp128 --repeat 1 --format json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			asked, err := o.validate()
			if err != nil {
				return badInput(err)
			}
			o.flags = engineFlags(cmd.Flags())
			return benchEngine(cmd.Context(), o, asked, stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	o.engine.flags(f, 16)
	f.StringVar(&o.shapes, "shapes", shapes.Default, "what to measure, a comma-separated `list`")
	f.IntVar(&o.repeat, "repeat", 5, "runs of each shape, after one to warm up")
	f.StringVar(&o.format, "format", "text", "text or json (`name`)")
	return cmd
}

// engineFlags are the engine's flags with their values, as another command that
// has them takes them. A trace is left out: one file takes one engine's.
func engineFlags(given *pflag.FlagSet) []string {
	var scratch engineOptions
	known := pflag.NewFlagSet("engine", pflag.ContinueOnError)
	scratch.flags(known, 16)
	var all []string
	known.VisitAll(func(f *pflag.Flag) {
		if f.Name == "trace" {
			return
		}
		all = append(all, "--"+f.Name+"="+given.Lookup(f.Name).Value.String())
	})
	return all
}

func (o *engineBenchOptions) validate() ([]shapes.Shape, error) {
	switch {
	case o.format != "text" && o.format != "json":
		return nil, fmt.Errorf("--format is %q: it is text or json", o.format)
	case o.repeat < 1:
		return nil, fmt.Errorf("--repeat is %d: it is at least 1", o.repeat)
	}
	asked, err := shapes.Parse(o.shapes)
	if err != nil {
		return nil, fmt.Errorf("--shapes: %w", err)
	}
	if o.engine.backend == backendNull && slices.ContainsFunc(asked, func(s shapes.Shape) bool { return !s.Served() }) {
		return nil, errors.New("--backend: null computes nothing to measure; it shows what a server takes besides, in the shapes over HTTP")
	}
	return asked, o.engine.validate()
}

// benchResult is what is printed, and the JSON document.
type benchResult struct {
	Date     string          `json:"date"`
	Machine  string          `json:"machine"`
	Model    string          `json:"model"`
	Backend  string          `json:"backend"`
	Kernels  string          `json:"kernels"`
	Numerics string          `json:"numerics"`
	Threads  int             `json:"threads"`
	Engine   engineNote      `json:"engine"`
	Ceilings shapes.Ceilings `json:"ceilings"`
	// Unknown says why figures are left out, by their column.
	Unknown map[string]string `json:"unknown,omitempty"`
	// Devices is what was seen of them over all shapes.
	Devices *telemetry.Report `json:"devices,omitempty"`
	Lines   []shapes.Line     `json:"lines"`
}

func benchEngine(ctx context.Context, o engineBenchOptions, asked []shapes.Shape, stdio Stdio, show *progress) error {
	r, err := newBenchRun(o, asked, show).run(ctx)
	if err != nil {
		return err
	}
	show.Done()
	if o.format == "json" {
		e := json.NewEncoder(stdio.Out)
		e.SetIndent("", "  ")
		return e.Encode(r)
	}
	return r.write(stdio.Out)
}

// about fills in what was measured on what.
func (r *benchResult) about(machine, device, numerics string, n engineNote) {
	r.Date, r.Machine = time.Now().UTC().Format(time.DateOnly), machine
	r.Model, r.Kernels, r.Threads, r.Engine = n.Model, n.Kernels, n.Threads, n
	r.Backend, r.Numerics = device, numerics
}
