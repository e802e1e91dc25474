package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"tierlab/engine/model"
)

func newEngineModels(stdio Stdio) *cobra.Command {
	return &cobra.Command{
		Use:     "models",
		Short:   "List the built-in shapes of models, which run with seeded random weights",
		Example: "  tierlab engine models",
		Args:    exactly(),
		RunE:    func(*cobra.Command, []string) error { return listModels(stdio) },
	}
}

func listModels(stdio Stdio) error {
	t := newTable("MODEL", "ARCHITECTURE", "PARAMETERS", "LAYERS", "HIDDEN", "FFN", "HEADS", "KV HEADS", "VOCABULARY", "CONTEXT", "HEAD", "KV BYTES/TOKEN (BF16)")
	for _, name := range model.PresetNames() {
		c, err := model.Preset(name)
		if err != nil {
			return err
		}
		head := "own"
		if c.TiedHead {
			head = "tied"
		}
		n := func(i int) string { return fmt.Sprint(i) }
		t.row(name, c.Arch, parameters(c.Params()), n(c.Layers), n(c.Hidden), n(c.FFN), n(c.Heads), n(c.KVHeads), n(c.Vocab),
			n(c.Context), head, n(c.CacheBytesPerToken(2)))
	}
	return t.write(stdio.Out)
}

// parameters words a number of weights: 134k, 101M, 1.24B.
func parameters(n int64) string {
	switch {
	case n < 1e6:
		return fmt.Sprintf("%.0fk", float64(n)/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.0fM", float64(n)/1e6)
	}
	return fmt.Sprintf("%.2fB", float64(n)/1e9)
}
