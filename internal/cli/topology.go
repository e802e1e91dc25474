package cli

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tierlab/configs"
	"tierlab/reference/topology"
)

func newTopology(stdio Stdio) *cobra.Command {
	return group("topology", "List, show and check the worlds that a workload is replayed in",
		&cobra.Command{
			Use:     "list",
			Short:   "List the built-in topologies",
			Example: "  tierlab topology list",
			Args:    exactly(),
			RunE:    func(*cobra.Command, []string) error { return listTopologies(stdio) },
		},
		&cobra.Command{
			Use:   "show TOPOLOGY",
			Short: "Sum up a topology: tiers, round trips, models, prices, platform",
			Long: `Sum up a topology, built in or a YAML file. Round trips are undisturbed ones from
each origin to the tier's nearest site, weighted by the origins' users.`,
			Example: "  tierlab topology show agent-cloud",
			Args:    exactly("TOPOLOGY"),
			RunE:    func(_ *cobra.Command, args []string) error { return showTopology(args[0], stdio) },
		},
		&cobra.Command{
			Use:   "validate TOPOLOGY...",
			Short: "Check topologies, each problem with its line and field",
			Long: `Check topologies, built in or YAML files. All problems of a file are listed, each
with its line, its field and what would be right.`,
			Example: "  tierlab topology validate my-topology.yaml",
			Args: func(cmd *cobra.Command, args []string) error {
				if len(args) == 0 {
					return badInputf("%s needs at least one TOPOLOGY (see --help)", cmd.CommandPath())
				}
				return nil
			},
			RunE: func(_ *cobra.Command, args []string) error { return validateTopologies(args, stdio) },
		})
}

// readWorld finds a topology by its name, or reads it when it is a YAML file.
func readWorld(name string) (*topology.World, error) {
	if ext := filepath.Ext(name); ext != ".yaml" && ext != ".yml" {
		w, err := topology.Load(configs.FS, name)
		return w, badInput(err)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, badInputf("topology: %w", err)
	}
	w, err := topology.Parse(configs.FS, name, text)
	return w, badInput(err)
}

func listTopologies(stdio Stdio) error {
	names, err := topology.Names(configs.FS)
	if err != nil {
		return err
	}
	t := newTable("TOPOLOGY", "METRO", "REGIONAL", "CENTRAL", "ORIGINS", "WHAT IT IS")
	for _, name := range names {
		w, err := topology.Load(configs.FS, name)
		if err != nil {
			return err
		}
		sites := func(tier topology.Tier) string { return fmt.Sprint(len(w.SitesIn(tier))) }
		t.row(name, sites(topology.Metro), sites(topology.Regional), sites(topology.Central), fmt.Sprint(len(w.Origins)), w.About)
	}
	return t.write(stdio.Out)
}

func validateTopologies(files []string, stdio Stdio) error {
	bad := 0
	for _, file := range files {
		w, err := readWorld(file)
		switch {
		case err != nil && len(files) == 1:
			return err
		case err != nil:
			bad++
			fmt.Fprintln(stdio.Err, "tierlab: "+err.Error())
		default:
			fmt.Fprintf(stdio.Out, "%s: ok: %s, %s, %s\n", file,
				count(len(w.Sites), "site"), count(len(w.Origins), "origin"), count(len(w.Models), "model"))
		}
	}
	if bad > 0 {
		return badInputf("%d of %s are not valid", bad, count(len(files), "topology file"))
	}
	return nil
}
