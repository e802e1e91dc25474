package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"tierlab/engine/model"
)

// engineExportOptions say which model to write and how.
type engineExportOptions struct {
	model   modelOptions
	out     string
	dtype   string
	shardGB float64
}

func newEngineExport(g *global, stdio Stdio) *cobra.Command {
	var o engineExportOptions
	cmd := &cobra.Command{
		Use:   "export --model NAME --out DIR",
		Short: "Write a model as a Hugging Face folder",
		Long: `Write a model as a Hugging Face folder: config.json, generation_config.json and
safetensors, which transformers and other engines read. So they run on the same
weights as this one. A tokenizer is not part of it.`,
		Example: `  tierlab engine export --model tiny --out out/tiny
  tierlab engine export --model small --layers 2 --dtype F32 --out out/two-layers`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return exportModel(cmd.Context(), o, newProgress(stdio, g.quiet))
		},
	}
	o.model.flags(cmd.Flags())
	cmd.Flags().StringVarP(&o.out, "out", "o", "", "the `folder` to write, which is new or empty")
	cmd.Flags().StringVar(&o.dtype, "dtype", string(model.BF16), "the `type` of the weights: BF16, F16 or F32")
	cmd.Flags().Float64Var(&o.shardGB, "shard-gb", 5, "the most `gigabytes` (10^9 bytes) of a file of weights")
	return cmd
}

func (o *engineExportOptions) validate() error {
	switch {
	case o.out == "":
		return fmt.Errorf("--out is missing: name the folder to write")
	case !(o.shardGB > 0):
		return fmt.Errorf("--shard-gb is %g: it is above 0", o.shardGB)
	}
	switch model.DType(o.dtype) {
	case model.BF16, model.F16, model.F32:
		return nil
	}
	return fmt.Errorf("--dtype is %q: it is %s, %s or %s", o.dtype, model.BF16, model.F16, model.F32)
}

func exportModel(ctx context.Context, o engineExportOptions, show *progress) error {
	s, err := o.model.open()
	if err != nil {
		return err
	}
	defer s.Close()
	write := model.WriteOptions{
		DType:      model.DType(o.dtype),
		ShardBytes: int64(min(o.shardGB, 1e6) * 1e9),
		Report: func(written, total int64) {
			show.Update("%s: %.1f of %.1f GB", o.out, float64(written)/1e9, float64(total)/1e9)
		},
	}
	switch err := model.WriteFolder(ctx, o.out, s, write); {
	case errors.Is(err, model.ErrNotEmpty):
		return badInputf("--out %w", err)
	case err != nil:
		return err
	}
	c := s.Config()
	show.Say("%s: %s with %s parameters", o.out, c.Name, parameters(c.Params()))
	return nil
}
