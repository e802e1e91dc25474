package cuda

import (
	"testing"

	"tierlab/engine/backend"
	"tierlab/engine/backend/backendtest"
)

// TestConformance holds the backend to the contract of package backend, and with
// Invariant to the same bits whatever runs beside a request. On the CPU a part of
// the suite takes some seconds, and all of it, with TIERLAB_WHOLE=1, minutes.
func TestConformance(t *testing.T) {
	places(t, func(t *testing.T, c Config) {
		c.Source, c.Invariant = source(t, "tiny"), true
		backendtest.Run(t, backendtest.Suite{
			BlockTokens: []int{32, 64},
			Emulated:    c.Driver != nil,
			Quick:       !whole(c),
			Open: func(tb testing.TB, s backendtest.Sizes) backend.Backend {
				c := c
				c.Slots, c.Budget, c.Blocks, c.BlockTokens, c.Context = s.Slots, s.Budget, s.Blocks, s.BlockTokens, s.Context
				b, err := Open(c)
				if err != nil {
					tb.Fatal(err)
				}
				return b
			},
		})
	})
}
