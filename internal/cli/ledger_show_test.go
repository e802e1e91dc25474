package cli

import (
	"bytes"
	"testing"
	"time"

	"tierlab/reference/ledger"
)

func TestWriteLedger(t *testing.T) {
	var b bytes.Buffer
	err := writeLedger(&b, []accountRow{
		{Account: "tenant/acme", Spent: amountRow{PicoUSD: ledger.Pico(1.25), Steps: 12, Tokens: 34567},
			Reserved: amountRow{PicoUSD: ledger.Pico(0.1)}, Limit: amountRow{PicoUSD: ledger.Pico(20)}},
		{Account: "session/s1"},
	}, []turnRow{{"kill", ledger.Switch{Scope: "tool/rm", Why: "runs away", By: "ann", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}}})
	const want = `ACCOUNT                USD     STEPS  TOKENS  UNITS
tenant/acme  spent     $1.25   12     34,567  0
             reserved  $0.10   0      0       0
             limit     $20.00
session/s1   spent     $0.00   0      0       0

SWITCH  SCOPE    WHEN                  BY   WHY
kill    tool/rm  2026-03-01T12:00:00Z  ann  runs away
`
	if err != nil || b.String() != want {
		t.Errorf("%v\n%s", err, b.String())
	}
	b.Reset()
	if err := writeLedger(&b, nil, nil); err != nil || b.String() != "no session, and no switch was ever thrown\n" {
		t.Errorf("%v\n%s", err, b.String())
	}
}
