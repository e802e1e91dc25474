package products

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
	"tierlab/engine/backend/cuda/internal/reference"
	"tierlab/engine/backend/cuda/internal/rig"
	"tierlab/engine/bf16"
)

var (
	someShapes  = []Shape{{Name: "down", N: 40, K: 160}, {Name: "head", N: 60, K: 96, F32: true, Tokens: 24}}
	someBuckets = []int{1, 8, 16, 24, 48}
)

// bench is Products on a rig, with operands for its shapes.
type bench struct {
	t        *testing.T
	r        *rig.Rig
	p        *Products
	stream   driver.Stream
	w, x     [][]bf16.Number
	operands []Operands
}

func newBench(t *testing.T, r *rig.Rig, o Options) *bench {
	t.Helper()
	o.Arch, o.Shapes, o.Buckets = r.Arch, someShapes, someBuckets
	p, err := New(t.Context(), r.Context, r.Compiler, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{t: t, r: r, p: p}
	if b.stream, err = r.Context.NewStream(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Context.DropStream(b.stream); err != nil {
			t.Error(err)
		}
	})
	random := rand.New(rand.NewPCG(1, 2))
	numbers := func(n int) []bf16.Number {
		v := make([]bf16.Number, n)
		for i := range v {
			v[i] = bf16.Of(random.Float32()*2 - 1)
		}
		return v
	}
	workspace := rig.Upload(t, r, make([]byte, WorkspaceBytes))
	for _, s := range someShapes {
		rows := someBuckets[len(someBuckets)-1]
		b.w, b.x = append(b.w, numbers(s.N*s.K)), append(b.x, numbers(rows*s.K))
		w := rig.Upload(t, r, b.w[len(b.w)-1])
		b.operands = append(b.operands, Operands{
			W: []driver.Ptr{w, w}, X: rig.Upload(t, r, make([]bf16.Number, rows*s.K)), Y: rig.Upload(t, r, make([]float32, rows*s.N)), Workspace: workspace,
		})
	}
	return b
}

// multiply computes the first count rows of x by a bucket and returns y.
func (b *bench) multiply(shape, count, bucket int) []float32 {
	b.t.Helper()
	s := someShapes[shape]
	y := rig.Upload(b.t, b.r, make([]float32, bucket*s.N))
	p := kernels.ProductParams{
		Count: rig.Upload(b.t, b.r, []int32{int32(count)}), W: b.operands[shape].W[0], X: rig.Upload(b.t, b.r, b.x[shape][:bucket*s.K]),
		Y: y, Workspace: b.operands[shape].Workspace,
	}
	if err := b.p.Multiply(b.stream, shape, p, bucket); err != nil {
		b.t.Fatal(err)
	}
	if err := b.r.Context.Synchronize(b.stream); err != nil {
		b.t.Fatal(err)
	}
	if s.F32 {
		return rig.Download[float32](b.t, b.r, y, count*s.N)
	}
	out := make([]float32, count*s.N)
	for i, v := range rig.Download[bf16.Number](b.t, b.r, y, count*s.N) {
		out[i] = v.Float()
	}
	return out
}

// check holds what is multiplied, at all buckets, to sums in f64.
func (b *bench) check() {
	b.t.Helper()
	for i, s := range someShapes {
		for _, bucket := range someBuckets {
			if s.Tokens > 0 && bucket > s.Tokens {
				if err := b.p.Multiply(b.stream, i, kernels.ProductParams{}, bucket); err == nil || !strings.Contains(err.Error(), s.Name) {
					b.t.Errorf("a bucket of %d tokens, of at most %d: %v, want an error that names the product", bucket, s.Tokens, err)
				}
				continue
			}
			count := bucket - bucket/5
			for j, got := range b.multiply(i, count, bucket) {
				want := reference.Dot(b.x[i][j/s.N*s.K:][:s.K], b.w[i][j%s.N*s.K:][:s.K])
				if !(math.Abs(float64(got)-want) <= 1e-4+math.Abs(want)/256) {
					b.t.Fatalf("%s, %d tokens: y[%d][%d] is %v, want %v", s.Name, bucket, j/s.N, j%s.N, got, want)
				}
			}
		}
	}
}

// TestOwnKernels multiplies by the kernels of this project, before and after
// Prepare, in each mode.
func TestOwnKernels(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		for _, o := range []Options{{}, {Invariant: true, Tune: true}} {
			b := newBench(t, r, o)
			b.check()
			if err := b.p.Prepare(b.stream, b.operands); err != nil {
				t.Fatal(err)
			}
			b.check()
			for _, c := range b.p.Choices() {
				family := "small"
				if o.Invariant || c.Tokens > mostSmall {
					family = "tiled"
				}
				if !strings.HasPrefix(c.By, family) {
					t.Errorf("%s, %d tokens, invariant %v: by %s, want a %s kernel", c.Shape.Name, c.Tokens, o.Invariant, c.By, family)
				}
			}
		}
	})
}

// TestInvariant asks for one result of a row in all buckets.
func TestInvariant(t *testing.T) {
	rig.Run(t, func(t *testing.T, r *rig.Rig) {
		b := newBench(t, r, Options{Invariant: true})
		for i := range someShapes {
			want := b.multiply(i, 24, 24)
			for _, bucket := range []int{1, 8, 16} {
				for j, got := range b.multiply(i, bucket, bucket) {
					if math.Float32bits(got) != math.Float32bits(want[j]) {
						t.Fatalf("%s: element %d is %v in a batch of %d, %v in one of 24", someShapes[i].Name, j, got, bucket, want[j])
					}
				}
			}
		}
	})
}

// TestRefused says what New and Multiply refuse.
func TestRefused(t *testing.T) {
	for want, o := range map[string]Options{
		"0 shapes":     {Buckets: []int{1}},
		"0 buckets":    {Shapes: someShapes},
		"0 tokens":     {Shapes: someShapes, Buckets: []int{8, 0}},
		"multiples of": {Shapes: []Shape{{Name: "a", N: 8, K: 24}}, Buckets: []int{1}},
	} {
		if _, err := New(t.Context(), nil, nil, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want an error with %q", err, want)
		}
	}
}
