package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tierlab/engine/model"
)

func newEngine(g *global, stdio Stdio) *cobra.Command {
	return group("engine", "Run a model on this machine",
		newEngineBench(g, stdio),
		newEngineExport(g, stdio),
		newEngineGenerate(g, stdio),
		newEngineLogits(g, stdio),
		newEngineModels(stdio),
		newEngineServe(g, stdio),
	)
}

// modelOptions say which model an engine's command runs.
type modelOptions struct {
	model  string
	layers int
	seed   uint64
	random bool
}

// flags binds the options to a command's flags.
func (o *modelOptions) flags(f *pflag.FlagSet) {
	f.StringVar(&o.model, "model", "tiny", "the `name` of a built-in shape (see tierlab engine models), or a Hugging Face folder")
	f.IntVar(&o.layers, "layers", 0, "only the first `n` layers of a built-in shape; 0 is all")
	f.BoolVar(&o.random, "random-weights", false, "insist on random weights, which built-in shapes have and folders do not")
	f.Uint64Var(&o.seed, "weights-seed", 1, "the `seed` of a built-in shape's random weights")
}

// open opens the model. A built-in shape's name goes before a folder's; a path
// such as ./tiny is always a folder's.
func (o *modelOptions) open() (model.Source, error) {
	c, unknown := model.Preset(o.model)
	if info, err := os.Stat(o.model); err == nil && info.IsDir() && unknown != nil {
		if o.layers != 0 {
			return nil, badInputf("--layers shortens a built-in shape; %s is a folder", o.model)
		}
		if o.random {
			return nil, badInputf("--random-weights: %s is a folder with weights of its own; name a built-in shape (tierlab engine models)", o.model)
		}
		s, err := model.Open(o.model)
		return s, badInput(err)
	}
	switch {
	case unknown != nil && strings.ContainsAny(o.model, `/\`):
		return nil, badInputf("--model: there is no folder %s", o.model)
	case unknown != nil:
		return nil, badInputf("--model: no folder of that name, and %w", unknown)
	}
	if o.layers != 0 {
		var err error
		if c, err = c.WithLayers(o.layers); err != nil {
			return nil, badInputf("--layers: %w", err)
		}
	}
	return model.Seeded(c, o.seed), nil
}
