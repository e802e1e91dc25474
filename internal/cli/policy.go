package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"tierlab/reference/router"
)

func newPolicy(stdio Stdio) *cobra.Command {
	return group("policy", "List the routing policies",
		&cobra.Command{
			Use:   "list",
			Short: "List the built-in policies with their parameters",
			Long: `List the built-in policies. A policy is written NAME or NAME:PARAM=VALUE,...,
and parameters that are left out have their defaults.`,
			Example: "  tierlab policy list",
			Args:    exactly(),
			RunE:    func(*cobra.Command, []string) error { return listPolicies(stdio) },
		})
}

func listPolicies(stdio Stdio) error {
	t := newTable("POLICY", "PARAMETERS", "WHAT IT DOES")
	for _, e := range router.Catalogue() {
		var params []string
		for _, p := range e.Params {
			params = append(params, p.Name+"="+p.Default)
		}
		t.row(e.Name, strings.Join(params, ","), e.Doc)
	}
	return t.write(stdio.Out)
}
