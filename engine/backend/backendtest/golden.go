package backendtest

import (
	"bytes"
	"embed"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"strings"

	"tierlab/engine/model"
	"tierlab/internal/spell"
)

//go:embed testdata/golden/*.golden
var goldenFiles embed.FS

// Golden are the logits that Hugging Face transformers computes for a tiny
// model with seeded weights. scripts/golden/golden.py writes them.
//
// A file NAME.golden is one line of JSON, then the numbers little-endian: the
// f32 logits [len(at)][vocabulary] as f32, and the bf16 logits of the same shape
// as bf16. The line has the model's config.json, the weights' seed (a decimal
// string), prompt, forced, at and inv_freq as the fields below.
type Golden struct {
	Config model.Config
	Seed   uint64 // of model.Seeded
	Prompt []int32
	Forced []int32 // the output, whatever the logits
	// At are the positions in Prompt followed by Forced whose logits are kept:
	// some of the prompt, its last, and all of Forced. Row i of F32 and BF16 has
	// what the model says after the token at position At[i].
	At []int
	// F32 are the logits with weights, activations and cache in f32.
	F32 [][]float32
	// BF16 are the reference's own with all of them in bf16.
	BF16 [][]float32
	// Frequencies are RoPE's angles per position, which the reference has in f32.
	Frequencies []float64
}

// GoldenNames lists the golden files.
func GoldenNames() []string {
	entries, err := goldenFiles.ReadDir("testdata/golden")
	if err != nil {
		panic(err) // the folder is part of the program
	}
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	return names
}

// LoadGolden reads a golden file.
func LoadGolden(name string) (Golden, error) {
	file, err := goldenFiles.ReadFile("testdata/golden/" + name + ".golden")
	if err != nil {
		return Golden{}, fmt.Errorf("no golden logits %q%s", name, spell.Hint(name, GoldenNames()))
	}
	g, err := parseGolden(name, file)
	if err != nil {
		return Golden{}, fmt.Errorf("%s.golden: %w", name, err)
	}
	return g, nil
}

func parseGolden(name string, file []byte) (Golden, error) {
	line, data, found := bytes.Cut(file, []byte("\n"))
	if !found {
		return Golden{}, fmt.Errorf("no line of JSON at its start")
	}
	var h struct {
		Seed   uint64          `json:"seed,string"`
		Config json.RawMessage `json:"config"`
		Prompt []int32         `json:"prompt"`
		Forced []int32         `json:"forced"`
		At     []int           `json:"at"`
		Freq   []float64       `json:"inv_freq"`
	}
	if err := json.Unmarshal(line, &h); err != nil {
		return Golden{}, err
	}
	c, err := model.ParseConfig(name, h.Config)
	if err != nil {
		return Golden{}, err
	}
	n := len(h.At) * c.Vocab
	if len(data) != n*(4+2) {
		return Golden{}, fmt.Errorf("it has %d bytes of logits; %d rows of %d in f32 and bf16 have %d", len(data), len(h.At), c.Vocab, n*(4+2))
	}
	g := Golden{Config: c, Seed: h.Seed, Prompt: h.Prompt, Forced: h.Forced, At: h.At, Frequencies: h.Freq}
	for i := range h.At {
		f32, bf16 := make([]float32, c.Vocab), make([]float32, c.Vocab)
		for j := range f32 {
			at := i*c.Vocab + j
			f32[j] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*at:]))
			bf16[j] = math.Float32frombits(uint32(binary.LittleEndian.Uint16(data[4*n+2*at:])) << 16)
		}
		g.F32, g.BF16 = append(g.F32, f32), append(g.BF16, bf16)
	}
	return g, nil
}

// Error is how far logits with the rows of F32 are from it: the largest
// difference and the root of the mean square.
func (g Golden) Error(logits [][]float32) (most, rms float64) {
	n := 0
	for i, row := range g.F32 {
		for j, want := range row {
			d := math.Abs(float64(logits[i][j]) - float64(want))
			most = max(most, d)
			if d != d {
				most = math.Inf(1)
			}
			rms += d * d
			n++
		}
	}
	return most, math.Sqrt(rms / float64(n))
}
