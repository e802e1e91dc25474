package actors

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"tierlab/reference/journal"
	"tierlab/reference/ledger"
)

// Cents are picodollars.
const cent = 1e10

// Budget is what came of attempts that a budget has room for only in part.
type Budget struct {
	Attempts, Granted, Refused int
	// Peak is the most that was ever spent or reserved at once, in cents.
	Peak float64
	Took time.Duration
}

// Overspend has 64 goroutines each try to spend ten cents, again and again, from
// one tenant's budget of one dollar, all at once.
func Overspend(l *ledger.Ledger, tenant string) (Budget, error) {
	var b Budget
	var held, peak atomic.Int64
	var mu sync.Mutex
	var failed error
	var group sync.WaitGroup
	need := journal.Amount{PicoUSD: 10 * cent}
	start := time.Now()
	for range 64 {
		group.Go(func() {
			for range 4 {
				h, err := l.Reserve(start, ledger.Request{Session: "s", Tenant: tenant, Amount: need})
				var over *ledger.OverError
				mu.Lock()
				b.Attempts++
				switch {
				case errors.As(err, &over):
					b.Refused++
				case err != nil:
					failed = err
				default:
					b.Granted++
				}
				mu.Unlock()
				if err != nil {
					continue
				}
				for now := held.Add(10); ; {
					p := peak.Load()
					if now <= p || peak.CompareAndSwap(p, now) {
						break
					}
				}
				l.Settle(h, need)
				l.Settled(h, need)
			}
		})
	}
	group.Wait()
	b.Peak, b.Took = float64(peak.Load()), time.Since(start)
	return b, failed
}
