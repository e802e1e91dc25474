package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/reference/session"
	"tierlab/reference/tools"
	"tierlab/workloads"
)

// sessionKillOptions say why something is stopped, or that it may go on.
type sessionKillOptions struct {
	folder sessionFolder
	why    string
	by     string
	revive bool
}

func newSessionKill(stdio Stdio) *cobra.Command {
	var o sessionKillOptions
	cmd := &cobra.Command{
		Use:   "kill SESSION | tenant/NAME | tool/NAME",
		Short: "End a session for good, or stop a tenant or a tool",
		Long: `End a session that has not ended: it makes no further call, and its journal says
why. What it has done stays; it can be shown, replayed and branched.

tenant/NAME and tool/NAME are switches: while one is off, no call of that tenant,
or of that tool, is made in this folder's sessions. --revive turns it on again.`,
		Example: `  tierlab agent run --session s1 --model script:primes --confirm run_code --approve none
  tierlab session kill s1 --why 'not needed any more'
  tierlab session kill tool/http_fetch --why 'the site complains'
  tierlab session kill tool/http_fetch --revive`,
		Args: exactly("SESSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.folder.with(false, func(store journal.Store) error {
				if strings.Contains(args[0], "/") {
					return o.turn(cmd.Context(), store, args[0], stdio)
				}
				if o.revive {
					return badInputf("--revive: a session that was ended stays so: branch it (tierlab session branch)")
				}
				return killSession(cmd.Context(), store, args[0], o.why, stdio)
			})
		},
	}
	f := cmd.Flags()
	o.folder.flags(f)
	f.StringVar(&o.why, "why", "by hand", "the `reason`, for the journal")
	f.StringVar(&o.by, "by", "", "`who` does it (default: the user's name)")
	f.BoolVar(&o.revive, "revive", false, "let a tenant or a tool go on")
	return cmd
}

// turn turns a switch.
func (o *sessionKillOptions) turn(ctx context.Context, store journal.Store, scope string, stdio Stdio) error {
	if err := ledger.CheckScope(scope); err != nil {
		return badInput(err)
	}
	l, err := ledger.Open(ctx, store, ledger.Config{})
	if err != nil {
		return err
	}
	s := ledger.Switch{Scope: scope, Why: o.why, By: cmp.Or(o.by, personName()), At: time.Now()}
	if !o.revive {
		if err := l.Kill(ctx, s); err != nil {
			return err
		}
		fmt.Fprintf(stdio.Out, "%s is stopped by %s\n", scope, s.By)
		return nil
	}
	var never *ledger.NotKilledError
	if err := l.Revive(ctx, s); errors.As(err, &never) {
		return badInput(err)
	} else if err != nil {
		return err
	}
	fmt.Fprintf(stdio.Out, "%s goes on, by %s\n", scope, s.By)
	return nil
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

func (idleTools) Unknown(string, *tools.Call) (tools.Result, *tools.Error) {
	return tools.Result{}, nil // never asked: idle calls may be made again
}
