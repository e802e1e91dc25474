package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tierlab/reference/journal"
	"tierlab/reference/session"
)

// sessionApproveOptions are a person's answer.
type sessionApproveOptions struct {
	folder sessionFolder
	step   int
	tool   int
	refuse bool
	why    string
	by     string
}

func newSessionApprove(stdio Stdio) *cobra.Command {
	var o sessionApproveOptions
	cmd := &cobra.Command{
		Use:   "approve SESSION",
		Short: "Approve or refuse a tool call that waits for a person",
		Long: `Answer a tool call that waits for a person, as agent run --confirm or a tool's own
rule has it. The answer is an event of the session's journal, with who gave it and
when; the session goes on when it is run next. Where only one call waits, --step
and --tool may be left out.`,
		Example: `  tierlab agent run --session s1 --model script:primes --confirm run_code --approve none
  tierlab session approve s1 --why 'it only counts'
  tierlab agent run --session s1`,
		Args: exactly("SESSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.step < 0 || o.tool < 0 {
				return badInputf("--step and --tool are numbered from 1")
			}
			return o.folder.with(false, func(store journal.Store) error {
				return approveCall(cmd.Context(), store, args[0], o, stdio)
			})
		},
	}
	f := cmd.Flags()
	o.folder.flags(f)
	f.IntVar(&o.step, "step", 0, "the `number` of the step whose call waits")
	f.IntVar(&o.tool, "tool", 0, "the `number` of the call within the step")
	f.BoolVar(&o.refuse, "refuse", false, "refuse the call; the model is told so")
	f.StringVar(&o.why, "why", "", "a `reason`, for the model and the journal")
	f.StringVar(&o.by, "by", "", "`who` answers (default: the user's name)")
	return cmd
}

func approveCall(ctx context.Context, store journal.Store, id string, o sessionApproveOptions, stdio Stdio) error {
	v, err := session.Rebuild(ctx, store, id, session.To{})
	if err != nil {
		return notFound(ctx, store, id, err)
	}
	ask, err := o.which(v)
	if err != nil {
		return err
	}
	by := o.by
	if by == "" {
		by = personName()
	}
	err = session.Answer(ctx, store, sessionOwner, session.Consent{
		Session: id, Step: ask.Step, Tool: ask.Tool, OK: !o.refuse, By: by, Why: o.why,
	}, time.Now())
	var ended *session.EndedError
	if errors.As(err, &ended) {
		return badInput(err)
	}
	if err != nil {
		return err
	}
	word := "approved"
	if o.refuse {
		word = "refused"
	}
	fmt.Fprintf(stdio.Out, "%s: %s of step %d is %s by %s\ngo on with: tierlab agent run --session %[1]s\n", id, ask.Name, ask.Step, word, by)
	return nil
}

// which is the waiting call that the options mean.
func (o *sessionApproveOptions) which(v *session.View) (*session.Approval, error) {
	var fits []*session.Approval
	for i := range v.Pending {
		p := &v.Pending[i]
		if (o.step == 0 || o.step == p.Step) && (o.tool == 0 || o.tool == p.Tool) {
			fits = append(fits, p)
		}
	}
	switch {
	case len(fits) == 1:
		return fits[0], nil
	case len(v.Pending) == 0:
		return nil, badInputf("session %s has no call that waits for a person: it %s", v.Spec.ID, stands(v))
	}
	list := ""
	for i := range v.Pending {
		p := &v.Pending[i]
		list += fmt.Sprintf("\n  --step %d --tool %d  %s %s", p.Step, p.Tool, oneLine(p.Name, shortText), oneJSON(p.Arguments, shortText))
	}
	return nil, badInputf("say which call, by --step and --tool:%s", list)
}
