package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tierlab/reference/tools"
)

func newToolsCall(stdio Stdio) *cobra.Command {
	var o toolsOptions
	cmd := &cobra.Command{
		Use:   "call NAME [JSON]",
		Short: "Call a tool and print its result",
		Long: `Call a tool with arguments in JSON ({} by default), checked against its schema
before anything runs, and print the result as a model would read it. The state
that key-value and file tools work on is new and is gone afterwards.

The exit code is 2 if there is no such tool or the arguments do not fit, and 1 if
the call failed.`,
		Example: `  tierlab tools call calculator '{"expression": "round(pow(1.05, 10) * 2500, 2)"}'
  tierlab tools call run_code '{"language": "javascript", "source": "input.map(n => n * n)", "input": [1, 2, 3]}'`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return exactly("NAME")(cmd, args)
			}
			return atMost("NAME", "JSON")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			arguments := "{}"
			if len(args) == 2 {
				arguments = args[1]
			}
			return callTool(cmd.Context(), o, args[0], arguments, stdio)
		},
	}
	o.flags(cmd.Flags())
	return cmd
}

func callTool(ctx context.Context, o toolsOptions, name, arguments string, stdio Stdio) error {
	b, err := o.open(ctx, stdio)
	if err != nil {
		return err
	}
	defer b.close()
	result, err := b.Call(ctx, name, &tools.Call{
		Session: "cli", Key: tools.Key("cli", 0, 0), Arguments: json.RawMessage(arguments), State: tools.NewOverlay(nil), Tools: b.Names(),
	})
	var problem *tools.Error
	if errors.As(err, &problem) {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if problem.Kind == tools.UnknownTool || problem.Kind == tools.InvalidArguments {
			return badInput(err)
		}
	}
	if _, err := fmt.Fprintf(visible(stdio.Out), "%s\n", result.Content); err != nil {
		return err
	}
	if err == nil && result.Failed {
		err = fmt.Errorf("tool %s: the call failed", name)
	}
	return err
}
