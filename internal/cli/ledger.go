package cli

import (
	"github.com/spf13/cobra"
)

func newLedger(stdio Stdio) *cobra.Command {
	return group("ledger", "Bill recorded runs; stop and release sessions, tenants and tools",
		newLedgerBill(stdio),
		newLedgerKill(stdio),
		newLedgerRevive(stdio),
		newLedgerShow(stdio),
	)
}
