package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/session"
	"tierlab/reference/tools"
	"tierlab/workloads"
)

func newSessionKill(stdio Stdio) *cobra.Command {
	var folder sessionFolder
	var why string
	cmd := &cobra.Command{
		Use:   "kill SESSION",
		Short: "End a session for good",
		Long: `End a session that has not ended: it makes no further call, and its journal says
why. What it has done stays; it can be shown, replayed and branched.`,
		Example: `  tierlab agent run --session s1 --model script:primes --confirm run_code --approve none
  tierlab session kill s1 --why 'not needed any more'`,
		Args: exactly("SESSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return folder.with(false, func(store journal.Store) error {
				return killSession(cmd.Context(), store, args[0], why, stdio)
			})
		},
	}
	folder.flags(cmd.Flags())
	cmd.Flags().StringVar(&why, "why", "by hand", "the `reason`, for the journal")
	return cmd
}

func killSession(ctx context.Context, store journal.Store, id, why string, stdio Stdio) (err error) {
	if _, err := store.Head(ctx, id); err != nil {
		return notFound(ctx, store, id, err)
	}
	world, err := agentWorld(localTopology, "none", nil)
	if err != nil {
		return err
	}
	route, err := agentRouter(world, "static-device", 0)
	if err != nil {
		return err
	}
	rt, err := session.New(session.Config{
		Store: store, World: world, Router: route, Agent: agent.DefaultConfig(), Caller: idle{}, Tools: idleTools{}, Owner: sessionOwner,
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	var ended *session.EndedError
	if err := rt.Kill(ctx, id, why); errors.As(err, &ended) {
		return badInput(err)
	} else if err != nil {
		return err
	}
	v, err := rt.Wait(ctx, id)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Out, "%s %s, %s\n", id, stands(v), dollars(v.USD))
	return nil
}

// idle and idleTools stand for the model and the tools of a session that is about
// to end: what is asked of them is never done, and is called off.
type (
	idle      struct{}
	idleTools struct{}
)

func (idle) Call(ctx context.Context, _ *hub.Call) (*hub.Answer, error) {
	<-ctx.Done()
	return nil, &hub.Error{Status: workloads.StatusCancelled, Err: ctx.Err()}
}

func (idle) Count(*hub.Call) int { return 1 }

func (idleTools) Lookup(string) (*tools.Tool, bool) { return &tools.Tool{Repeat: tools.Pure}, true }

func (idleTools) Call(ctx context.Context, _ string, _ *tools.Call) (tools.Result, error) {
	<-ctx.Done()
	return tools.Result{}, ctx.Err()
}
