package ledger

import (
	"fmt"

	"tierlab/reference/journal"
)

// Hold is a reservation: an amount set aside in each of a list of accounts. The
// zero Hold is of nothing. It is a plain value, kept in a session's journal with
// the event that it was made for.
type Hold struct {
	Accounts []string       `json:"accounts,omitempty"`
	Amount   journal.Amount `json:"amount"`
}

// OverError says which limit a reservation would have broken.
type OverError struct {
	Account               string
	What                  string // usd, steps, tokens, units
	Limit, Totals, Wanted string // as a person writes them
}

func (e *OverError) Error() string {
	return fmt.Sprintf("ledger: %s: limit of %s on %s: %s is spent or reserved, %s more was asked for",
		e.Account, e.Limit, e.What, e.Totals, e.Wanted)
}

// KilledError says that a switch is off for what was asked.
type KilledError struct {
	Scope string // session/NAME, tenant/NAME, tool/NAME
	Why   string
}

func (e *KilledError) Error() string {
	return fmt.Sprintf("ledger: %s was stopped: %s", e.Scope, e.Why)
}
