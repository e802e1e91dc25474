package cli

import (
	"context"
	"errors"
	"fmt"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"tierlab/reference/ledger"
)

// switchOptions say what to stop or release, and who says so.
type switchOptions struct {
	sessionFolder
	scope, why, by string
}

func newLedgerKill(stdio Stdio) *cobra.Command {
	var o switchOptions
	cmd := &cobra.Command{
		Use:   "kill SCOPE",
		Short: "Stop a session, a tenant or a tool before its next effect",
		Long: `Stop a SCOPE: session/NAME, tenant/NAME or tool/NAME. Nothing of it is granted any
more: no model call, no tool call. What is stopped stays so until tierlab ledger revive,
whatever process has the sessions then. The reason, the person and the time are kept.`,
		Example: "  tierlab ledger kill tenant/acme --why 'runs away' --data sessions\n  tierlab ledger show --data sessions",
		Args:    exactly("SCOPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.scope = args[0]
			return o.turn(cmd.Context(), stdio, "stopped", (*ledger.Ledger).Kill)
		},
	}
	o.switchFlags(cmd)
	return cmd
}

func newLedgerRevive(stdio Stdio) *cobra.Command {
	var o switchOptions
	cmd := &cobra.Command{
		Use:   "revive SCOPE",
		Short: "Let a stopped session, tenant or tool go on",
		Example: `  tierlab ledger kill tool/fetch --why 'asks too often' --data sessions
  tierlab ledger revive tool/fetch --why 'has a quota now' --data sessions`,
		Args: exactly("SCOPE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.scope = args[0]
			return o.turn(cmd.Context(), stdio, "released", (*ledger.Ledger).Revive)
		},
	}
	o.switchFlags(cmd)
	return cmd
}

func (o *switchOptions) switchFlags(cmd *cobra.Command) {
	o.flags(cmd.Flags())
	cmd.Flags().StringVar(&o.why, "why", "", "the `reason`, which is kept")
	cmd.Flags().StringVar(&o.by, "by", "", "`who` says so (default: the user who runs this)")
}

// validate completes the options.
func (o *switchOptions) validate() error {
	if err := ledger.CheckScope(o.scope); err != nil {
		return err
	}
	if o.why == "" {
		return errors.New("--why is missing: say for what reason")
	}
	if o.by == "" {
		o.by = "the user of this machine"
		if u, err := user.Current(); err == nil && u.Username != "" {
			o.by = u.Username
		}
	}
	return nil
}

// turn changes a switch in the folder's journal.
func (o *switchOptions) turn(ctx context.Context, stdio Stdio, done string, change func(*ledger.Ledger, context.Context, ledger.Switch) error) error {
	if err := o.validate(); err != nil {
		return badInput(err)
	}
	store, err := o.create()
	if err != nil {
		return err
	}
	l, err := ledger.Open(ctx, store, ledger.Config{})
	if err == nil {
		err = change(l, ctx, ledger.Switch{Scope: o.scope, Why: o.why, By: o.by, At: time.Now()})
		var not *ledger.NotKilledError
		if errors.As(err, &not) {
			err = badInput(err)
		}
	}
	if err = errors.Join(err, store.Close()); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdio.Out, "%s is %s\n", o.scope, done)
	return err
}
