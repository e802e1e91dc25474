package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tierlab/internal/spell"
	"tierlab/workloads"
	"tierlab/workloads/generate"
)

// generateOptions describe a workload to generate.
type generateOptions struct {
	profile  string
	fit      string // a recording to fit a profile to, in place of profile
	save     string // where to write the profile
	sessions int
	seed     uint64
	out      string
}

func newWorkloadGenerate(g *global, stdio Stdio) *cobra.Command {
	var o generateOptions
	cmd := &cobra.Command{
		Use:   "generate",
		Short: "Generate a workload from a profile of published statistics",
		Long: `Generate a workload. A profile is built in (tierlab workload profiles lists them)
or a YAML file, or is fitted to a recording with --fit: the goodness of every
fitted law then goes to standard error. The same profile, number of sessions and
seed give the same bytes.`,
		Example: `  tierlab workload generate --profile coding-agent --sessions 5 --seed 1 --out w.jsonl
  tierlab workload generate --profile chat-sharegpt -n 20
  tierlab workload generate --fit w.jsonl --save-profile mine.yaml -n 20 --out more.jsonl`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return generateWorkload(cmd.Context(), o, stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.profile, "profile", "p", "coding-agent", "a built-in `profile` or a YAML file")
	f.StringVar(&o.fit, "fit", "", "fit a profile to this `workload` and generate from it")
	f.StringVar(&o.save, "save-profile", "", "write the profile to this YAML `file`")
	f.IntVarP(&o.sessions, "sessions", "n", 100, "how many sessions")
	f.Uint64Var(&o.seed, "seed", 1, "the seed of all draws")
	f.StringVarP(&o.out, "out", "o", "-", "the `file` to write")
	return cmd
}

func (o *generateOptions) validate() error {
	if o.sessions < 1 {
		return fmt.Errorf("--sessions: %d is not above 0", o.sessions)
	}
	return nil
}

func generateWorkload(ctx context.Context, o generateOptions, stdio Stdio, show *progress) error {
	p, err := o.makeProfile(ctx, stdio)
	if err != nil {
		return err
	}
	h, err := p.Header(o.sessions, o.seed)
	if err != nil {
		return err
	}
	err = writeOutput(o.out, stdio, func(w io.Writer) error {
		out := workloads.NewWriter(&interruptibleWriter{ctx, w}, h)
		if err := generate.Generate(p, o.sessions, o.seed, out); err != nil {
			return err
		}
		return out.Close()
	})
	if err == nil {
		show.Say("generated %s of profile %s", count(o.sessions, "session"), p.Name)
	}
	return err
}

// makeProfile reads the profile or fits it, and saves it where that is asked.
func (o *generateOptions) makeProfile(ctx context.Context, stdio Stdio) (p *generate.Profile, err error) {
	if o.fit == "" {
		p, err = readProfile(o.profile)
	} else {
		p, err = fitProfile(ctx, o.fit, stdio)
	}
	if err != nil || o.save == "" {
		return p, err
	}
	text, err := p.YAML()
	if err != nil {
		return nil, err
	}
	return p, writeOutput(o.save, stdio, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// fitProfile fits a profile to a recording and shows how well each law fits.
func fitProfile(ctx context.Context, workload string, stdio Stdio) (*generate.Profile, error) {
	r, name, err := openWorkload(workload, stdio)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	base := strings.TrimSuffix(filepath.Base(name), filepath.Ext(name))
	p, fits, err := generate.Fit(workloads.NewReader(&interruptible{ctx, r}, name), base)
	if err != nil {
		return nil, badInput(err)
	}
	_, err = io.WriteString(stdio.Err, generate.Table(fits))
	return p, err
}

// readProfile finds a profile by its name, or reads it from a file when the
// name is not a built-in one.
func readProfile(name string) (*generate.Profile, error) {
	builtin := generate.Names()
	if slices.Contains(builtin, name) {
		return generate.Builtin(name)
	}
	if !strings.ContainsAny(name, "./") {
		return nil, badInputf("no profile %q%s", name, spell.Hint(name, builtin))
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, badInputf("profile: %w", err)
	}
	p, err := generate.Parse(name, text)
	return p, badInput(err)
}

// interruptibleWriter is a writer that ends with its context.
type interruptibleWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w *interruptibleWriter) Write(b []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(b)
}
