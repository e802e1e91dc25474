package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tierlab/bench/shapes"
	"tierlab/engine/backend/cpu/ceiling"
)

// engineBenchOptions say what to measure.
type engineBenchOptions struct {
	engine engineOptions
	shapes string
	repeat int
	format string
}

func newEngineBench(g *global, stdio Stdio) *cobra.Command {
	var o engineBenchOptions
	cmd := &cobra.Command{
		Use:   "bench",
		Short: "Measure a model's speed on this machine",
		Long: `Measure a model's speed on this machine, in process and without HTTP, beside what
the machine's memory and arithmetic give at most (measured in the same run).

  pp512       a prompt of 512 tokens alone
  tg128       128 tokens one at a time; tg128@4096: behind a prompt of 4,096
  batch16     16 sequences decode side by side
  sessions16  16 sessions of 2 calls over a shared prefix, at once; the ratio is
              to one after another
  stall16384  a prompt of 16,384 tokens arrives while 4 sequences decode: their
              gaps, and its time to first token beside the same alone

Figures are medians over --repeat runs, with the range of the rate.`,
		Example: `  tierlab engine bench --model tiny --shapes pp64,tg16 --repeat 2
  tierlab engine bench --model tiny --threads 1 --shapes pp128 --repeat 1 --format json`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			asked, err := o.validate()
			if err != nil {
				return badInput(err)
			}
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

func (o *engineBenchOptions) validate() ([]shapes.Shape, error) {
	switch {
	case o.format != "text" && o.format != "json":
		return nil, fmt.Errorf("--format is %q: it is text or json", o.format)
	case o.repeat < 1:
		return nil, fmt.Errorf("--repeat is %d: it is at least 1", o.repeat)
	case o.engine.backend != "cpu":
		return nil, errors.New("--backend: only cpu computes something to measure")
	}
	asked, err := shapes.Parse(o.shapes)
	if err != nil {
		return nil, fmt.Errorf("--shapes: %w", err)
	}
	return asked, o.engine.validate()
}

// benchResult is what is printed, and the JSON document.
type benchResult struct {
	Model    string        `json:"model"`
	Kernels  string        `json:"kernels"`
	Numerics string        `json:"numerics"`
	Threads  int           `json:"threads"`
	Ceilings ceilings      `json:"ceilings"`
	Lines    []shapes.Line `json:"lines"`
}

// ceilings are what the machine's memory and arithmetic give, with the threads
// and instructions in use.
type ceilings struct {
	ReadGBPerS float64 `json:"read_gb_per_s"`
	GFLOPPerS  float64 `json:"gflop_per_s"`
}

func benchEngine(ctx context.Context, o engineBenchOptions, asked []shapes.Shape, stdio Stdio, show *progress) error {
	show.Update("loading %s", o.engine.model.model)
	m, err := o.engine.load()
	if err != nil {
		return err
	}
	l, err := o.engine.start(m, nil)
	if err != nil {
		return err
	}
	defer l.Close()
	b := &shapes.Bench{Engine: l.Engine, Model: m.config, Elem: 2}
	if o.engine.numerics == "f32" {
		b.Elem = 4
	}
	for _, s := range asked {
		if err := b.Check(s); err != nil {
			return badInputf("--shapes: %w (see --slots, --context and --kv-tokens)", err)
		}
	}
	r, err := measure(ctx, b, asked, o.repeat, show)
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

// looks is how often a ceiling is measured before each shape and after the last.
const looks = 5

// measure runs the shapes. The machine's ceilings are measured in between, and
// are medians like the rates beside them: a shared machine's differ from one
// moment to the next.
func measure(ctx context.Context, b *shapes.Bench, asked []shapes.Shape, repeat int, show *progress) (*benchResult, error) {
	caps := b.Engine.Caps()
	r := &benchResult{Model: b.Model.Name, Kernels: caps.Kernels, Numerics: caps.Numerics, Threads: caps.Threads}
	weights := shapes.Pass(b.Model, b.Elem, 1, 1, 0, 0).Bytes
	top, err := ceiling.New(caps.Numerics, caps.Threads, max(1<<20, int64(weights)))
	if err != nil {
		return nil, err
	}
	defer top.Close()
	var read, compute []float64
	look := func() {
		for range looks {
			read, compute = append(read, top.ReadGBs()), append(compute, top.GFLOPs())
		}
	}
	look()
	for i, s := range asked {
		show.Update("%d of %d: %s", i+1, len(asked), s)
		line, err := b.Run(ctx, s, repeat)
		if err != nil {
			return nil, err
		}
		r.Lines = append(r.Lines, line)
		look()
	}
	r.Ceilings = ceilings{ReadGBPerS: shapes.Median(read), GFLOPPerS: shapes.Median(compute)}
	return r, nil
}

// write is for people.
func (r *benchResult) write(w io.Writer) error {
	fmt.Fprintf(w, "%s, %s by %s on %d threads; this machine reads %.1f GB/s and computes %.0f GFLOP/s\n\n",
		r.Model, r.Numerics, r.Kernels, r.Threads, r.Ceilings.ReadGBPerS, r.Ceilings.GFLOPPerS)
	t := newTable("SHAPE", "TOKENS/S", "RANGE", "GB/S", "OF READ", "GFLOP/S", "OF PEAK", "TTFT MS", "GAP P50/P99/MAX MS", "")
	for _, l := range r.Lines {
		t.row(l.Shape, figure(l.TokensPerS), figure(l.Low)+"-"+figure(l.High),
			figure(l.GBPerS), shareOf(l.GBPerS, r.Ceilings.ReadGBPerS), figure(l.GFLOPPerS), shareOf(l.GFLOPPerS, r.Ceilings.GFLOPPerS),
			figure(l.TTFTMs), gaps(l), remark(l))
	}
	return t.write(w)
}

func shareOf(v, of float64) string {
	if v == 0 || of == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f %%", 100*v/of)
}

func gaps(l shapes.Line) string {
	if l.GapMaxMs == 0 {
		return ""
	}
	return figure(l.GapP50Ms) + " / " + figure(l.GapP99Ms) + " / " + figure(l.GapMaxMs)
}

// remark says what a shape compares with.
func remark(l shapes.Line) string {
	switch {
	case l.Ratio == 0:
		return ""
	case l.CachedShare > 0:
		return fmt.Sprintf("%.2fx of %s tokens/s one after another; %.0f %% cached", l.Ratio, figure(l.Alone), 100*l.CachedShare)
	default:
		return fmt.Sprintf("TTFT %.2fx of %s ms alone", l.Ratio, figure(l.Alone))
	}
}
