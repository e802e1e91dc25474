package ledger

import (
	"net/url"
	"time"

	"tierlab/reference/journal"
	"tierlab/workloads"
)

// DefaultTenant is whom a session without a tenant belongs to.
const DefaultTenant = "default"

// Budgets are the limits of tenants, by name. Default holds for those that have
// no entry.
type Budgets struct {
	Default Budget
	Tenants map[string]Budget
}

// Budget limits one tenant. A meter that is 0 is not limited.
type Budget struct {
	Session journal.Amount // each of its sessions
	Total   journal.Amount // all of them, ever
	Day     journal.Amount // all of them, in a UTC day
}

// Of is what limits a tenant.
func (b *Budgets) Of(tenant string) Budget {
	if own, ok := b.Tenants[tenantName(tenant)]; ok {
		return own
	}
	return b.Default
}

// tighten is a limit together with a session's own.
func tighten(limit journal.Amount, own *workloads.Budget) journal.Amount {
	if own == nil {
		return limit
	}
	v, w := vectorOf(limit), vector{Pico(own.USD), int64(own.Steps), int64(own.Tokens), 0}
	for i := range v {
		if v[i] == 0 || w[i] != 0 && w[i] < v[i] {
			v[i] = w[i]
		}
	}
	return v.amount()
}

// SessionAccount, TenantAccount and DayAccount name the accounts of a Ledger
// that is the only one.
func SessionAccount(id string) string { return "session/" + id }

// TenantAccount is a tenant's, over all time.
func TenantAccount(name string) string { return "tenant/" + url.QueryEscape(tenantName(name)) }

// DayAccount is a tenant's for the UTC day of at.
func DayAccount(name string, at time.Time) string {
	return TenantAccount(name) + "/" + at.UTC().Format(time.DateOnly)
}

// OverrunAccount counts by how much settlements in an account exceeded what was
// reserved for them.
func OverrunAccount(account string) string { return "overrun/" + account }

func tenantName(name string) string {
	if name == "" {
		return DefaultTenant
	}
	return name
}

// limited is an account and what bounds it; parts is among how many nodes the
// bound is divided.
type limited struct {
	account string
	limit   vector
	parts   int64
}

// bound is the limit on a meter, and whether there is one.
func (l *limited) bound(meter int) (int64, bool) {
	return l.limit[meter] / l.parts, l.limit[meter] > 0
}

// accounts are those that a request is counted in, the session's first.
func (l *Ledger) accounts(at time.Time, r *Request) []limited {
	budget, at1 := l.cfg.Budgets.Of(r.Tenant), ""
	if l.cfg.Nodes > 1 {
		at1 = "@" + url.QueryEscape(l.cfg.Node)
	}
	parts := int64(max(1, l.cfg.Nodes))
	return []limited{
		{SessionAccount(r.Session), vectorOf(tighten(budget.Session, r.Budget)), 1},
		{TenantAccount(r.Tenant) + at1, vectorOf(budget.Total), parts},
		{DayAccount(r.Tenant, at) + at1, vectorOf(budget.Day), parts},
	}
}
