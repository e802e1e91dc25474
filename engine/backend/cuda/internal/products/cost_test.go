package products

import (
	"fmt"
	"strings"
	"testing"

	"tierlab/engine/backend/cuda/internal/driver"
	"tierlab/engine/backend/cuda/internal/kernels"
)

// The products of an 8B model.
var shapes8B = []Shape{
	{Name: "qkv", N: 6144, K: 4096}, {Name: "o", N: 4096, K: 4096}, {Name: "gate_up", N: 28672, K: 4096},
	{Name: "down", N: 4096, K: 14336}, {Name: "head", N: 128256, K: 4096, F32: true},
}

// TestCheapest keeps which tile multiplies what on an H200. Within a wave of
// blocks the memory decides, and small tiles keep more of it busy; beyond, large
// tiles use what they read more often.
func TestCheapest(t *testing.T) {
	h200 := driver.Device{SMs: 132, SharedOptin: 227 << 10}
	const want = `
1: qkv 16x32, o 16x32, gate_up 16x32, down 16x32, head 16x32
16: qkv 16x32, o 16x32, gate_up 64x64, down 16x32, head 64x64
32: qkv 64x64, o 32x32, gate_up 128x128, down 32x32, head 128x128
64: qkv 64x64, o 64x64, gate_up 128x256, down 64x64, head 128x256
128: qkv 128x128, o 64x64, gate_up 128x256, down 64x64, head 128x256
256: qkv 128x128, o 128x128, gate_up 128x256, down 128x128, head 128x256
512: qkv 128x256, o 128x128, gate_up 128x256, down 128x128, head 128x256
2048: qkv 128x256, o 128x256, gate_up 128x256, down 128x256, head 128x256
8192: qkv 128x256, o 128x256, gate_up 128x256, down 128x256, head 128x256
`
	got := "\n"
	for _, tokens := range []int{1, 16, 32, 64, 128, 256, 512, 2048, 8192} {
		var list []string
		for _, s := range shapes8B {
			k := cheapest(h200, s, tokens)
			list = append(list, fmt.Sprintf("%s %dx%d", s.Name, k.T, k.N))
		}
		got += fmt.Sprintf("%d: %s\n", tokens, strings.Join(list, ", "))
	}
	if got != want {
		t.Errorf("got%swant%s", got, want)
	}
	if k := cheapest(driver.Device{SMs: 60, SharedOptin: 99 << 10}, shapes8B[2], 8192); k.Shared() > 99<<10 {
		t.Errorf("%v takes %d bytes of shared memory, of 99 KiB", k, k.Shared())
	}
}

// TestSettings gives each number of tokens several kernels that can hold it on an
// H200, and among them those in use.
func TestSettings(t *testing.T) {
	h200 := driver.Device{SMs: 132, SharedOptin: 227 << 10}
	for _, tokens := range []int{1, 8, 16, 32, 256, 8192} {
		seen := map[kernels.ProductKernel]bool{}
		for _, k := range Settings(tokens) {
			if seen[k] || k.Shared() > h200.SharedOptin {
				t.Errorf("%d tokens: %v twice, or of %d bytes of shared memory", tokens, k, k.Shared())
			}
			seen[k] = true
		}
		for _, s := range shapes8B {
			if k := cheapest(h200, s, tokens); !seen[k] {
				t.Errorf("%s, %d tokens: %v is in use and not among the settings", s.Name, tokens, k)
			}
		}
		if len(seen) < 4 || tokens <= mostSmall && !seen[smallKernel(tokens)] {
			t.Errorf("%d tokens: %d settings", tokens, len(seen))
		}
	}
}
