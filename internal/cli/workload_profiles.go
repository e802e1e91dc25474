package cli

import (
	"github.com/spf13/cobra"

	"tierlab/workloads/generate"
)

func newWorkloadProfiles(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:   "profiles [NAME]",
		Short: "List the built-in profiles, or print one as YAML",
		Long: `List the profiles that tierlab workload generate knows, or print one with its
sources and published figures: a start for a profile of your own.`,
		Example: "  tierlab workload profiles\n  tierlab workload profiles customer-support",
		Args:    atMost("NAME"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return listProfiles(stdio)
			}
			return printProfile(args[0], stdio)
		},
	}
}

func listProfiles(stdio Stdio) error {
	t := newTable("PROFILE", "WHAT IT IS")
	for _, name := range generate.Names() {
		p, err := generate.Builtin(name)
		if err != nil {
			return err
		}
		t.row(name, p.Doc)
	}
	return t.write(stdio.Out)
}

func printProfile(name string, stdio Stdio) error {
	p, err := readProfile(name)
	if err != nil {
		return err
	}
	text, err := p.YAML()
	if err != nil {
		return err
	}
	_, err = stdio.Out.Write(text)
	return err
}
