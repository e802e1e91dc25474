package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tierlab/reference/journal"
	"tierlab/reference/ledger"
)

// ledgerShowOptions say which accounts to show.
type ledgerShowOptions struct {
	sessionFolder
	tenants []string
	budgets string
	asJSON  bool
}

// ledgerSchema is the version of the JSON form.
const ledgerSchema = "tierlab.ledger/v1"

func newLedgerShow(stdio Stdio) *cobra.Command {
	var o ledgerShowOptions
	cmd := &cobra.Command{
		Use:   "show [TENANT...]",
		Short: "Show what sessions and tenants have spent and reserved, and every switch",
		Long: `Show the accounts of every session in a folder and of the tenants that are named,
today's as well: what is spent, and what is reserved by effects under way or by
sessions that a crash has left to be woken. Below are the switches, from the first
record of their audit trail on. With --budgets the limits stand beside.`,
		Example: "  tierlab ledger kill session/s1 --why 'wrong task' --data sessions\n  tierlab ledger show default --data sessions",
		Args:    cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.tenants = args
			return showLedger(cmd.Context(), o, stdio)
		},
	}
	o.flags(cmd.Flags())
	cmd.Flags().StringVar(&o.budgets, "budgets", "", "show the limits of this YAML `file` of budgets")
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON (schema "+ledgerSchema+")")
	return cmd
}

// accountRow is one account as it is shown.
type accountRow struct {
	Account  string    `json:"account"`
	Spent    amountRow `json:"spent"`
	Reserved amountRow `json:"reserved"`
	Limit    amountRow `json:"limit"` // 0: none
}

// amountRow is a journal.Amount with its units in the names.
type amountRow struct {
	PicoUSD int64 `json:"pico_usd"`
	Steps   int64 `json:"steps"`
	Tokens  int64 `json:"tokens"`
	Units   int64 `json:"units"`
}

// cells are an amount in a table; a limit of 0 is none, and blank.
func (a amountRow) cells(what string) []string {
	list := []string{what, ledger.USD(a.PicoUSD), thousands(int(a.Steps)), thousands(int(a.Tokens)), thousands(int(a.Units))}
	for i, n := range []int64{a.PicoUSD, a.Steps, a.Tokens, a.Units} {
		if what == "limit" && n == 0 {
			list[i+1] = ""
		}
	}
	return list
}

// turnRow is one record of the switches.
type turnRow struct {
	Kind string `json:"kind"` // kill or revive
	ledger.Switch
}

func showLedger(ctx context.Context, o ledgerShowOptions, stdio Stdio) error {
	budgets, err := readBudgets(o.budgets)
	if err != nil {
		return badInput(err)
	}
	var accounts []accountRow
	turns := []turnRow{}
	err = o.with(true, func(store journal.Store) error {
		if accounts, err = o.accounts(ctx, store, budgets, time.Now()); err != nil {
			return err
		}
		err := ledger.Audit(ctx, store, 0, func(_ uint64, s ledger.Switch, off bool) {
			turns = append(turns, turnRow{map[bool]string{true: "kill", false: "revive"}[off], s})
		})
		if errors.Is(err, journal.ErrUnknown) {
			return nil
		}
		return err
	})
	if err != nil {
		return err
	}
	return buffered(visible(stdio.Out), func(w io.Writer) error {
		if !o.asJSON {
			return writeLedger(w, accounts, turns)
		}
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Schema   string       `json:"schema"`
			Accounts []accountRow `json:"accounts"`
			Switches []turnRow    `json:"switches"`
		}{ledgerSchema, accounts, turns})
	})
}

// readBudgets are a file's limits; without one nothing is limited.
func readBudgets(file string) (ledger.Budgets, error) {
	if file == "" {
		return ledger.Budgets{}, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return ledger.Budgets{}, fmt.Errorf("--budgets: %w", err)
	}
	return ledger.ParseBudgets(file, text)
}

func (o *ledgerShowOptions) accounts(ctx context.Context, store journal.Store, b ledger.Budgets, now time.Time) ([]accountRow, error) {
	rows := []accountRow{}
	add := func(name string, limit journal.Amount) error {
		sums, err := store.Totals(ctx, name)
		rows = append(rows, accountRow{name, amountRow(sums.Spent), amountRow(sums.Reserved), amountRow(limit)})
		return err
	}
	for _, tenant := range o.tenants {
		limits := b.Of(tenant)
		if err := errors.Join(add(ledger.TenantAccount(tenant), limits.Total), add(ledger.DayAccount(tenant, now), limits.Day)); err != nil {
			return nil, err
		}
	}
	err := eachSession(ctx, store, func(h journal.Head) error {
		return add(ledger.SessionAccount(h.Session), journal.Amount{})
	})
	return rows, err
}

func writeLedger(w io.Writer, accounts []accountRow, turns []turnRow) error {
	if len(accounts) == 0 && len(turns) == 0 {
		_, err := fmt.Fprintln(w, "no session, and no switch was ever thrown")
		return err
	}
	if len(accounts) > 0 {
		t := newTable("ACCOUNT", "", "USD", "STEPS", "TOKENS", "UNITS")
		for _, a := range accounts {
			t.row(append([]string{a.Account}, a.Spent.cells("spent")...)...)
			if a.Reserved != (amountRow{}) {
				t.row(append([]string{""}, a.Reserved.cells("reserved")...)...)
			}
			if a.Limit != (amountRow{}) {
				t.row(append([]string{""}, a.Limit.cells("limit")...)...)
			}
		}
		if err := t.write(w); err != nil {
			return err
		}
	}
	if len(turns) > 0 {
		t := newTable("SWITCH", "SCOPE", "WHEN", "BY", "WHY")
		for _, s := range turns {
			t.row(s.Kind, s.Scope, s.At.UTC().Format(time.RFC3339), s.By, s.Why)
		}
		if _, err := io.WriteString(w, strings.Repeat("\n", min(1, len(accounts)))+t.String()+"\n"); err != nil {
			return err
		}
	}
	return nil
}
