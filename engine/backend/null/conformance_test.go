package null

import (
	"fmt"
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/backend/backendtest"
)

func TestConformance(t *testing.T) {
	for depth := range 2 {
		t.Run(fmt.Sprintf("depth %d", depth), func(t *testing.T) {
			backendtest.Run(t, backendtest.Suite{
				BlockTokens: []int{1, 4, 16},
				Open: func(tb testing.TB, s backendtest.Sizes) backend.Backend {
					b, err := Open(Config{Vocab: 500, Context: s.Context, Slots: s.Slots, Budget: s.Budget, Blocks: s.Blocks, BlockTokens: s.BlockTokens, Depth: depth})
					if err != nil {
						tb.Fatal(err)
					}
					return b
				},
			})
		})
	}
}
