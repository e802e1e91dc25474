package ledger

import (
	"fmt"

	"tierlab/reference/journal"
	"tierlab/reference/topology"
)

// BudgetsSchema is the version that a file of budgets names.
const BudgetsSchema = "tierlab-budgets/v1"

type budgetsForm struct {
	Schema  string                `yaml:"schema" is:"required"`
	Default *budgetForm           `yaml:"default"`
	Tenants map[string]budgetForm `yaml:"tenants"`
}

type budgetForm struct {
	Session *amountForm `yaml:"session"`
	Day     *amountForm `yaml:"day"`
	Total   *amountForm `yaml:"total"`
}

// amountForm is a limit. What it leaves out is not limited; to allow nothing at
// all there is Kill.
type amountForm struct {
	USD    float64 `yaml:"usd" is:">0,<=9000000"`
	Steps  int     `yaml:"steps" is:">=1"`
	Tokens int     `yaml:"tokens" is:">=1"`
	Units  int     `yaml:"units" is:">=1"`
}

// ParseBudgets reads limits by tenant:
//
//	schema: tierlab-budgets/v1
//	default:                    # tenants without an entry
//	  session: {usd: 0.50, steps: 40}
//	tenants:
//	  acme:
//	    session: {tokens: 400000}
//	    day: {usd: 20, units: 2000000}
//	    total: {usd: 500}
//
// An entry stands by itself: what it does not limit is not limited, whatever the
// default says. Without a file nothing is. An error lists topology.Problems.
func ParseBudgets(file string, data []byte) (Budgets, error) {
	var form budgetsForm
	if err := topology.Decode(file, data, &form); err != nil {
		return Budgets{}, err
	}
	if form.Schema != BudgetsSchema {
		return Budgets{}, fmt.Errorf("%s: schema: want %s, not %q", file, BudgetsSchema, form.Schema)
	}
	b := Budgets{Tenants: map[string]Budget{}}
	if form.Default != nil {
		b.Default = form.Default.budget()
	}
	for _, name := range sorted(form.Tenants) {
		if name == "" {
			return Budgets{}, fmt.Errorf("%s: tenants: a tenant needs a name (sessions without one belong to %q)", file, DefaultTenant)
		}
		f := form.Tenants[name]
		b.Tenants[name] = f.budget()
	}
	return b, nil
}

func (f *budgetForm) budget() Budget {
	return Budget{Session: f.Session.amount(), Day: f.Day.amount(), Total: f.Total.amount()}
}

func (f *amountForm) amount() journal.Amount {
	if f == nil {
		return journal.Amount{}
	}
	return journal.Amount{PicoUSD: Pico(f.USD), Steps: int64(f.Steps), Tokens: int64(f.Tokens), Units: int64(f.Units)}
}
