package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tierlab/bench/claims"
	"tierlab/internal/spell"
)

// claimsSchema is the version of the JSON form.
const claimsSchema = "tierlab.claims/v1"

// claimsOptions say which claims to check, and with what effort.
type claimsOptions struct {
	ids          []string
	sessions     int
	replications int
	seed         uint64
	data         string
	asJSON       bool
	short        bool // --quick
}

// quickSessions and quickReplications are the effort of --quick.
const quickSessions, quickReplications = 20, 2

func newClaims(g *global, stdio Stdio) *cobra.Command {
	var o claimsOptions
	defaults := claims.DefaultOptions()
	cmd := &cobra.Command{
		Use:   "claims [ID...]",
		Short: "Check what is claimed of agent clouds against this simulator",
		Long: `Check the claims that are made of agent clouds (figures C1 to C16, parts P1 to
P16) and print what was found of each: holds, does not hold, holds where (under
which conditions), modelled, not measured (the model was given it), undecided
(more replications may decide it), or waits for (what is not built yet). A claim
that fails is a result.

With IDs the command checks only these, and prints every figure held to a
criterion and the tables behind them.`,
		Example: "  tierlab claims C1 C3\n  tierlab claims C4 P9 --quick --json",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.ids = args
			chosen, err := o.validate(cmd.Flags().Changed)
			if err != nil {
				return badInput(err)
			}
			return checkClaims(cmd.Context(), o, chosen, stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	f.IntVarP(&o.sessions, "sessions", "n", defaults.Sessions, "how many sessions a replication measures")
	f.IntVarP(&o.replications, "replications", "r", defaults.Replications, "how many times to repeat each point")
	f.Uint64Var(&o.seed, "seed", defaults.Seed, "the seed of all draws")
	f.StringVar(&o.data, "data", "", "a `folder` of recordings for C4 (default: ../shared/data where it is)")
	f.BoolVar(&o.asJSON, "json", false, "print JSON (schema "+claimsSchema+")")
	f.BoolVar(&o.short, "quick", false, fmt.Sprintf("little effort: %d sessions, %d replications", quickSessions, quickReplications))
	return cmd
}

// validate finds the claims and sizes the experiments.
func (o *claimsOptions) validate(given func(flag string) bool) ([]claims.Claim, error) {
	if o.short {
		if given("sessions") || given("replications") {
			return nil, errors.New("--quick sets the effort: leave out --sessions and --replications")
		}
		o.sessions, o.replications = quickSessions, quickReplications
	}
	switch {
	case o.sessions < 1:
		return nil, fmt.Errorf("--sessions: %d is not above 0", o.sessions)
	case o.replications < 2:
		return nil, fmt.Errorf("--replications: %d gives no interval; it takes at least 2", o.replications)
	}
	if o.data == "" {
		if beside := filepath.Join("..", "shared", "data"); isFolder(beside) {
			o.data = beside
		}
	} else if !isFolder(o.data) {
		return nil, fmt.Errorf("--data: %s is no folder", o.data)
	}
	return o.chosen()
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// chosen are the claims named, or all.
func (o *claimsOptions) chosen() ([]claims.Claim, error) {
	all := claims.All()
	if len(o.ids) == 0 {
		return all, nil
	}
	var known []string
	for _, c := range all {
		known = append(known, c.ID)
	}
	var list []claims.Claim
	for _, id := range o.ids {
		c, ok := claims.Find(strings.ToUpper(id))
		if !ok {
			return nil, fmt.Errorf("no claim %q%s", id, spell.Hint(strings.ToUpper(id), known))
		}
		list = append(list, c)
	}
	return list, nil
}

// checkClaims checks the claims one by one and prints what was found.
func checkClaims(ctx context.Context, o claimsOptions, chosen []claims.Claim, stdio Stdio, show *progress) error {
	options := claims.DefaultOptions()
	options.Sessions, options.Replications, options.Seed, options.Data = o.sessions, o.replications, o.seed, o.data
	options.Workers = runtime.GOMAXPROCS(0)
	started, now := time.Now(), ""
	options.Progress = func(points int) {
		show.Update("%s: %s simulated, %s", now, count(points, "point"), time.Since(started).Round(time.Second))
	}
	lab := claims.NewLab(options)
	var found []claims.Finding
	var failed error
	for _, c := range chosen {
		now = c.ID
		f, err := c.Check(ctx, lab)
		if err != nil {
			failed = fmt.Errorf("%s: %w", c.ID, err)
			break
		}
		found = append(found, f)
	}
	show.Done()
	if lab.Points() > 0 {
		show.Say("%s in %s", count(lab.Points(), "point"), time.Since(started).Round(time.Second))
	}
	if failed != nil && (len(found) == 0 || !errors.Is(failed, context.Canceled)) {
		return failed
	}
	if failed != nil {
		show.Say("interrupted: %d of %s", len(found), count(len(chosen), "claim"))
	}
	err := buffered(stdio.Out, func(w io.Writer) error {
		if o.asJSON {
			return writeClaimsJSON(w, &o, lab, found)
		}
		load := ""
		if lab.Points() > 0 {
			load = lab.Load()
		}
		return writeClaims(w, found, load, len(o.ids) > 0)
	})
	return cmp.Or(err, failed)
}

func writeClaimsJSON(w io.Writer, o *claimsOptions, lab *claims.Lab, found []claims.Finding) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(struct {
		Schema       string           `json:"schema"`
		Load         string           `json:"load"`
		Sessions     int              `json:"sessions"`
		Replications int              `json:"replications"`
		Seed         uint64           `json:"seed"`
		Claims       []claims.Finding `json:"claims"`
	}{claimsSchema, lab.Load(), o.sessions, o.replications, o.seed, found})
}
