package model

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
)

// WriteOptions say how WriteFolder stores weights.
type WriteOptions struct {
	DType DType // rounded to it, ties to even; "" is BF16
	// ShardBytes is the most that a file holds, unless it holds one tensor only;
	// 0 puts all into one file.
	ShardBytes int64
	// Report, if not nil, hears now and then how many bytes of all are written.
	Report func(written, total int64)
}

// ErrNotEmpty is WriteFolder's refusal of a folder that holds anything.
var ErrNotEmpty = errors.New("the folder is not empty")

// WriteFolder writes a model as a Hugging Face folder, which transformers and
// Open read. The folder does not exist before, or is empty; it appears whole or
// not at all.
func WriteFolder(ctx context.Context, dir string, s Source, o WriteOptions) error {
	if o.DType == "" {
		o.DType = BF16
	}
	if o.DType.size() == 0 {
		return fmt.Errorf("weights cannot be written as %q: %s, %s and %s are supported", o.DType, BF16, F16, F32)
	}
	dir = filepath.Clean(dir)
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return fmt.Errorf("%s: %w", dir, ErrNotEmpty)
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	temp, err := os.MkdirTemp(parent, "."+filepath.Base(dir)+".*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	if err := writeFiles(ctx, temp, s, o); err != nil {
		return err
	}
	if err := os.Chmod(temp, 0o755); err != nil {
		return err
	}
	if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(temp, dir)
}

func writeFiles(ctx context.Context, dir string, s Source, o WriteOptions) error {
	c := s.Config()
	if err := writeJSON(filepath.Join(dir, "config.json"), hfConfigOf(c, o.DType)); err != nil {
		return err
	}
	if len(c.EOS) > 0 {
		g := map[string]any{"eos_token_id": c.EOS, "bos_token_id": orNull(c.BOS)}
		if err := writeJSON(filepath.Join(dir, "generation_config.json"), g); err != nil {
			return err
		}
	}
	shards := split(c, o)
	weights, total := map[string]string{}, c.Params()*int64(o.DType.size())
	w := &folderWriter{ctx: ctx, source: s, options: o, total: total}
	for i, refs := range shards {
		name := oneFile
		if len(shards) > 1 {
			name = fmt.Sprintf("model-%05d-of-%05d.safetensors", i+1, len(shards))
		}
		if err := w.file(filepath.Join(dir, name), refs); err != nil {
			return err
		}
		for _, r := range refs {
			weights[hfName(r)] = name
		}
	}
	if len(shards) == 1 {
		return nil
	}
	index := map[string]any{"metadata": map[string]any{"total_size": total}, "weight_map": weights}
	return writeJSON(filepath.Join(dir, indexFile), index)
}

func writeJSON(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// hfConfigOf is a config.json with RoPE in the older layout, which every
// version of transformers reads.
func hfConfigOf(c Config, d DType) map[string]any {
	m := map[string]any{
		"model_type": c.Arch, "hidden_act": "silu",
		"torch_dtype": map[DType]string{BF16: "bfloat16", F16: "float16", F32: "float32"}[d],
		"hidden_size": c.Hidden, "intermediate_size": c.FFN, "num_hidden_layers": c.Layers,
		"num_attention_heads": c.Heads, "num_key_value_heads": c.KVHeads, "head_dim": c.HeadDim,
		"vocab_size": c.Vocab, "max_position_embeddings": c.Context,
		"rms_norm_eps": c.RMSEps, "rope_theta": c.RopeTheta, "tie_word_embeddings": c.TiedHead,
		"bos_token_id": orNull(c.BOS), "eos_token_id": c.EOS, "attention_bias": false, "mlp_bias": false,
	}
	for _, a := range architectures {
		if a.arch == c.Arch {
			m["architectures"] = []string{a.class}
		}
	}
	if r := c.Rope; r != nil {
		m["rope_scaling"] = map[string]any{
			"rope_type": "llama3", "factor": r.Factor, "low_freq_factor": r.LowFreqFactor,
			"high_freq_factor": r.HighFreqFactor, "original_max_position_embeddings": r.OriginalContext,
		}
	}
	return m
}

// orNull is a token's id for JSON.
func orNull(id int32) any {
	if id < 0 {
		return nil
	}
	return id
}

func tensorBytes(c Config, r Ref, d DType) int64 {
	rows, cols := c.Shape(r)
	return int64(rows) * int64(cols) * int64(d.size())
}

// split deals the tensors out to files, in order.
func split(c Config, o WriteOptions) [][]Ref {
	most := o.ShardBytes
	if most <= 0 {
		most = math.MaxInt64
	}
	var shards [][]Ref
	left := int64(0)
	for _, r := range c.Tensors() {
		n := tensorBytes(c, r, o.DType)
		if len(shards) == 0 || n > left {
			shards, left = append(shards, nil), most
		}
		last := len(shards) - 1
		shards[last] = append(shards[last], r)
		left -= n
	}
	return shards
}

// folderWriter writes a folder's safetensors files.
type folderWriter struct {
	ctx            context.Context
	source         Source
	options        WriteOptions
	written, total int64
}

// file writes one safetensors file.
func (w *folderWriter) file(path string, refs []Ref) (err error) {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	out := bufio.NewWriterSize(f, 1<<20)
	header, err := tensorHeader(w.source.Config(), refs, w.options.DType)
	if err != nil {
		return err
	}
	if _, err := out.Write(header); err != nil {
		return err
	}
	for _, r := range refs {
		if err := w.tensor(out, r); err != nil {
			return err
		}
	}
	return out.Flush()
}

// tensorHeader is the header with its length before it, padded so that the data
// begins at a multiple of 8 bytes.
func tensorHeader(c Config, refs []Ref, d DType) ([]byte, error) {
	entries, at := map[string]any{"__metadata__": map[string]string{"format": "pt"}}, int64(0)
	for _, r := range refs {
		end := at + tensorBytes(c, r, d)
		entries[hfName(r)] = map[string]any{"dtype": d, "shape": hfShape(c, r), "data_offsets": []int64{at, end}}
		at = end
	}
	text, err := json.Marshal(entries)
	if err != nil {
		return nil, err
	}
	text = append(text, bytes.Repeat([]byte(" "), -len(text)&7)...)
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), nil
}

// tensor writes a tensor some rows at a time.
func (w *folderWriter) tensor(out io.Writer, r Ref) error {
	rows, cols := w.source.Config().Shape(r)
	step := min(rows, max(1, (1<<16)/cols))
	values, raw := make([]float32, step*cols), []byte(nil)
	for row := 0; row < rows; row += step {
		if err := w.ctx.Err(); err != nil {
			return err
		}
		part := values[:min(step, rows-row)*cols]
		if err := w.source.Rows(r, row, part); err != nil {
			return err
		}
		raw = w.options.DType.append(raw[:0], part)
		n, err := out.Write(raw)
		if err != nil {
			return err
		}
		w.written += int64(n)
		if w.options.Report != nil {
			w.options.Report(w.written, w.total)
		}
	}
	return nil
}
