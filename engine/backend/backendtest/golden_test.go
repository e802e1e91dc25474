package backendtest

import (
	"math"
	"slices"
	"strings"
	"testing"

	"tierlab/engine/model"
)

// TestGoldens computes the logits in float64, as the package comment of
// engine/model has the formulas and in no better way, and finds
// what transformers found. So the goldens, the formulas and the seeded weights
// agree before any backend is held to them.
func TestGoldens(t *testing.T) {
	for _, name := range GoldenNames() {
		t.Run(name, func(t *testing.T) {
			g, err := LoadGolden(name)
			if err != nil {
				t.Fatal(err)
			}
			if len(g.Forced) != 64 || g.At[len(g.At)-1] != len(g.Prompt)+len(g.Forced)-1 || len(g.F32) != len(g.At) {
				t.Fatalf("%d forced tokens, rows at %v", len(g.Forced), g.At)
			}
			for i, f := range g.Config.Frequencies() {
				if want := g.Frequencies[i]; math.Abs(f-want) > 1e-6*want {
					t.Errorf("frequency %d is %g, transformers has %g", i, f, want)
				}
			}
			if most, rms := g.Error(plainLogits(t, g)); most > 2e-5 {
				t.Errorf("the logits differ from transformers' f32 by up to %.2g, rms %.2g", most, rms)
			}
			if most, rms := g.Error(g.BF16); most < 1e-3 || rms > 0.1 {
				t.Errorf("transformers' bf16 logits differ from its f32 by up to %.2g, rms %.2g", most, rms)
			}
		})
	}
}

// TestGoldensHaveTeeth checks that what a backend may get wrong shows in the
// logits by more than the 1e-3 that it is allowed.
func TestGoldensHaveTeeth(t *testing.T) {
	for _, c := range []struct {
		name, mistake string
		make          func(*model.Config)
	}{
		{"tiny", "no RoPE scaling", func(c *model.Config) { c.Rope = nil }},
		{"tiny-tied", "no RoPE scaling", func(c *model.Config) { c.Rope = nil }},
		{"tiny", "scaling by another factor", func(c *model.Config) { c.Rope.Factor = 4 }},
		{"tiny", "another epsilon", func(c *model.Config) { c.RMSEps = 1e-6 }},
		{"tiny-qwen2", "no biases", func(c *model.Config) { c.QKVBias, c.Arch = false, model.Llama }},
		{"tiny-qwen3", "no norm of the heads", func(c *model.Config) { c.QKNorm, c.Arch = false, model.Llama }},
		{"tiny-qwen3", "another theta", func(c *model.Config) { c.RopeTheta = 500000 }},
	} {
		g, err := LoadGolden(c.name)
		if err != nil {
			t.Fatal(err)
		}
		c.make(&g.Config)
		if most, _ := g.Error(plainLogits(t, g)); most < 3e-3 {
			t.Errorf("%s with %s: the logits differ by no more than %.2g", c.name, c.mistake, most)
		}
	}
}

func TestGoldenErrors(t *testing.T) {
	if _, err := LoadGolden("tiny-qwen"); err == nil || !strings.Contains(err.Error(), `did you mean "tiny-qwen2"`) {
		t.Errorf("error %v names no golden file", err)
	}
	file, err := goldenFiles.ReadFile("testdata/golden/tiny.golden")
	if err != nil {
		t.Fatal(err)
	}
	for want, bad := range map[string][]byte{
		"bytes of logits":  file[:len(file)-1],
		"no line of JSON":  []byte("{}"),
		"architectures is": append([]byte("{\"config\":{}}\n"), file...),
	} {
		if _, err := parseGolden("tiny", bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// plain is a model in float64 without cache, batch or blocks.
type plain struct {
	t    *testing.T
	c    model.Config
	s    model.Source
	freq []float64
}

// plainLogits are the logits of g's rows.
func plainLogits(t *testing.T, g Golden) [][]float32 {
	p := &plain{t, g.Config, model.Seeded(g.Config, g.Seed), g.Config.Frequencies()}
	embed := p.tensor(model.Embed, 0)
	var h [][]float64 // the residual stream, by position
	for _, token := range slices.Concat(g.Prompt, g.Forced) {
		h = append(h, slices.Clone(embed[token]))
	}
	for l := range p.c.Layers {
		p.attend(h, l)
		p.mlp(h, l)
	}
	norm, head := p.tensor(model.FinalNorm, 0)[0], p.tensor(model.Head, 0)
	var logits [][]float32
	for _, at := range g.At {
		var row []float32
		for _, x := range times(head, p.norm(h[at], norm)) {
			row = append(row, float32(x))
		}
		logits = append(logits, row)
	}
	return logits
}

// tensor is a tensor by its rows.
func (p *plain) tensor(k model.Kind, layer int) [][]float64 {
	r := model.Ref{Kind: k, Layer: layer}
	n, cols := p.c.Shape(r)
	values := make([]float32, n*cols)
	if err := p.s.Rows(r, 0, values); err != nil {
		p.t.Fatal(err)
	}
	m := make([][]float64, n)
	for i, x := range values {
		m[i/cols] = append(m[i/cols], float64(x))
	}
	return m
}

func (p *plain) norm(x, w []float64) []float64 {
	scale := 1 / math.Sqrt(dot(x, x)/float64(len(x))+float64(p.c.RMSEps))
	y := make([]float64, len(x))
	for i := range x {
		y[i] = x[i] * scale * w[i]
	}
	return y
}

// project gives the heads of one position: a product, with bias and norm where
// the model has them, and turned by RoPE unless it is a value.
func (p *plain) project(x []float64, at int, w [][]float64, bias, norm [][]float64, turn bool) [][]float64 {
	y := times(w, x)
	if bias != nil {
		add(y, bias[0])
	}
	d := p.c.HeadDim
	var heads [][]float64
	for head := range slices.Chunk(y, d) {
		if norm != nil {
			head = p.norm(head, norm[0])
		}
		for i, f := range p.freq {
			if turn {
				sin, cos := math.Sincos(float64(at) * f)
				a, b := head[i], head[i+d/2]
				head[i], head[i+d/2] = a*cos-b*sin, b*cos+a*sin
			}
		}
		heads = append(heads, head)
	}
	return heads
}

func (p *plain) attend(h [][]float64, l int) {
	var qBias, kBias, vBias, qNorm, kNorm [][]float64
	if p.c.QKVBias {
		qBias, kBias, vBias = p.tensor(model.QBias, l), p.tensor(model.KBias, l), p.tensor(model.VBias, l)
	}
	if p.c.QKNorm {
		qNorm, kNorm = p.tensor(model.QNorm, l), p.tensor(model.KNorm, l)
	}
	norm, o := p.tensor(model.AttnNorm, l)[0], p.tensor(model.O, l)
	wq, wk, wv := p.tensor(model.Q, l), p.tensor(model.K, l), p.tensor(model.V, l)
	var keys, values [][][]float64 // by position and head
	for at := range h {
		x := p.norm(h[at], norm)
		q := p.project(x, at, wq, qBias, qNorm, true)
		keys = append(keys, p.project(x, at, wk, kBias, kNorm, true))
		values = append(values, p.project(x, at, wv, vBias, nil, false))
		var mixed []float64
		for i := range q {
			mixed = append(mixed, p.head(q[i], keys, values, i/(p.c.Heads/p.c.KVHeads))...)
		}
		add(h[at], times(o, mixed))
	}
}

// head is softmax attention of one query over all positions so far.
func (p *plain) head(q []float64, keys, values [][][]float64, kv int) []float64 {
	y, sum := make([]float64, len(q)), 0.
	for at := range keys {
		w := math.Exp(dot(q, keys[at][kv]) / math.Sqrt(float64(len(q))))
		sum += w
		for i, v := range values[at][kv] {
			y[i] += w * v
		}
	}
	for i := range y {
		y[i] /= sum
	}
	return y
}

func (p *plain) mlp(h [][]float64, l int) {
	norm := p.tensor(model.MLPNorm, l)[0]
	gate, up, down := p.tensor(model.Gate, l), p.tensor(model.Up, l), p.tensor(model.Down, l)
	for at := range h {
		x := p.norm(h[at], norm)
		g, u := times(gate, x), times(up, x)
		for i := range g {
			g[i] = g[i] / (1 + math.Exp(-g[i])) * u[i]
		}
		add(h[at], times(down, g))
	}
}

func times(m [][]float64, x []float64) []float64 {
	y := make([]float64, len(m))
	for i, row := range m {
		y[i] = dot(row, x)
	}
	return y
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func add(to, x []float64) {
	for i := range x {
		to[i] += x[i]
	}
}
