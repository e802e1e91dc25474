package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tierlab/reference/journal"
	"tierlab/reference/session"
)

// sessionBranchOptions say where a session is branched, and what the branch is
// called.
type sessionBranchOptions struct {
	folder sessionFolder
	at     string
	as     string
}

func newSessionBranch(stdio Stdio) *cobra.Command {
	var o sessionBranchOptions
	cmd := &cobra.Command{
		Use:   "branch SESSION --at STEP",
		Short: "Begin a session that shares another one's steps before one of them",
		Long: `Begin a session with the history of another one: everything before a step is
shared, the step itself is made anew. The session that it leaves is not changed.
The branch goes on by tierlab agent run --session NAME, with another model, policy
or set of tools if those are given.`,
		Example: `  tierlab agent run --session s1 --model script:primes --quiet
  tierlab session branch s1 --at step 2
  tierlab session branch s1 --at 2 --as other`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.at == stepWord {
				return exactly("SESSION", "STEP")(cmd, args)
			}
			return exactly("SESSION")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			step, err := stepNumber("at", o.at, args[1:])
			switch {
			case err != nil:
				return err
			case step == 0:
				return badInputf("--at is missing: the first step that the branch makes anew")
			case o.as != "":
				if err := journal.CheckSession(o.as); err != nil {
					return badInputf("--as: %w", err)
				}
			}
			return o.folder.with(false, func(store journal.Store) error {
				return branchSession(cmd.Context(), store, args[0], step, o.as, stdio)
			})
		},
	}
	f := cmd.Flags()
	o.folder.flags(f)
	f.StringVar(&o.at, "at", "", "the first `step` that is made anew, from 1")
	f.StringVar(&o.as, "as", "", "the branch's `name` (default: the session's with -b and a number)")
	return cmd
}

func branchSession(ctx context.Context, store journal.Store, id string, at int, as string, stdio Stdio) error {
	names, err := sessionNames(ctx, store)
	if err != nil {
		return err
	}
	if as == "" {
		as = freeName(id+"-b", names)
	}
	if _, err := rebuilt(ctx, store, id, at); err != nil {
		return err
	}
	var exists *session.ExistsError
	switch err := session.Branch(ctx, store, id, at, as); {
	case errors.As(err, &exists):
		return badInputf("--as: %w", err)
	case err != nil:
		return notFound(ctx, store, id, err)
	}
	fmt.Fprintf(stdio.Out, "%s branches from %s at step %d\ngo on with: tierlab agent run --session %[1]s\n", as, id, at)
	return nil
}
