package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tierlab/internal/spell"
)

// Main runs one command line, without the program's name, and returns the
// exit code. It writes the error, if any, to standard error as one message.
func Main(ctx context.Context, args []string, stdio Stdio) int {
	root := New(stdio)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stdio.Err, "tierlab: interrupted")
	default:
		fmt.Fprintln(visible(stdio.Err), "tierlab: "+err.Error())
	}
	return exitCode(err)
}

// global are the options that every command has.
type global struct {
	config string
	quiet  bool
}

// New builds the tree of commands.
func New(stdio Stdio) *cobra.Command {
	g := &global{}
	root := group("tierlab", "Replay LLM-agent workloads over the tiers of a cloud")
	root.Long = `tierlab answers one question for LLM agents: where should each step run (on the
device, at a metro edge, in a region, in the central cloud), and what does that
do to latency, cost and success?

Start with "tierlab demo".`
	root.SilenceErrors, root.SilenceUsage = true, true
	root.CompletionOptions.HiddenDefaultCmd = true
	root.SetIn(stdio.In)
	root.SetOut(stdio.Out)
	root.SetErr(stdio.Err)
	root.SetFlagErrorFunc(flagError)
	root.PersistentFlags().StringVar(&g.config, "config", "", "read settings from this YAML `file` (default: tierlab.yaml when there is one)")
	root.PersistentFlags().BoolVarP(&g.quiet, "quiet", "q", false, "no progress on standard error")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error {
		return applySettings(cmd, g.config, stdio.Err)
	}
	root.AddCommand(
		newAgent(g, stdio),
		newBench(g, stdio),
		newCalibrate(g, stdio),
		newClaims(g, stdio),
		newCompare(stdio),
		newDemo(g, stdio),
		newDoctor(stdio),
		newEngine(g, stdio),
		newFidelity(g, stdio),
		newLedger(stdio),
		newPolicy(stdio),
		newReplay(g, stdio),
		newReport(g, stdio),
		newSandbox(g, stdio),
		newSession(stdio),
		newTools(g, stdio),
		newTopology(stdio),
		newValidate(g, stdio),
		newVersion(stdio),
		newWorkload(g, stdio),
	)
	return root
}

// group is a command that only holds others. Run alone it prints its help.
func group(use, short string, subcommands ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return badInputf("%s has no command %q%s", cmd.CommandPath(), args[0], spell.Hint(args[0], names(cmd)))
		},
	}
	cmd.AddCommand(subcommands...)
	return cmd
}

// names lists a command's visible subcommands.
func names(cmd *cobra.Command) []string {
	var list []string
	for _, c := range cmd.Commands() {
		if !c.Hidden {
			list = append(list, c.Name())
		}
	}
	return list
}

// flagError words a complaint about a flag: the nearest one where it is
// unknown, what it takes where its value is wrong.
func flagError(cmd *cobra.Command, err error) error {
	var value *pflag.InvalidValueError
	if errors.As(err, &value) {
		return badInput(badValue(value.GetFlag(), value.GetValue(), value.Unwrap()))
	}
	var unknown *pflag.NotExistError
	if !errors.As(err, &unknown) || unknown.GetSpecifiedShortnames() != "" {
		return badInputf("%w (see %s --help)", err, cmd.CommandPath())
	}
	var flags []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { flags = append(flags, "--"+f.Name) })
	hint := spell.Nearest("--"+unknown.GetSpecifiedName(), flags)
	if hint == "" {
		return badInputf("%s has no flag --%s (see %[1]s --help)", cmd.CommandPath(), unknown.GetSpecifiedName())
	}
	return badInputf("%s has no flag --%s; did you mean %s?", cmd.CommandPath(), unknown.GetSpecifiedName(), hint)
}

// exactly demands the named positional arguments.
func exactly(what ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < len(what):
			return badInputf("%s needs %s (see --help)", cmd.CommandPath(), strings.Join(what[len(args):], " and "))
		case len(args) > len(what):
			return badInputf("%s takes %s; %q is one argument too many", cmd.CommandPath(), takes(what), args[len(what)])
		}
		return nil
	}
}

// atMost allows the named positional arguments to be left out.
func atMost(what ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		return exactly(what[:min(len(args), len(what))]...)(cmd, args)
	}
}

func takes(what []string) string {
	if len(what) == 0 {
		return "no arguments"
	}
	return strings.Join(what, " and ")
}

// commandLine is a command line that does what cmd does wherever its settings
// come from: every flag whose value is not its default.
func commandLine(cmd *cobra.Command, args []string) []string {
	line := append(strings.Fields(cmd.CommandPath()), args...)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if f.Value.String() == f.DefValue || !configurable(f) {
			return
		}
		value := f.Value.String()
		if slice, ok := f.Value.(pflag.SliceValue); ok {
			value = strings.Join(slice.GetSlice(), ",")
		}
		line = append(line, "--"+f.Name+"="+value)
	})
	return line
}
