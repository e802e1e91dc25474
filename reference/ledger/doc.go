// Package ledger meters what sessions use and holds tenants to their budgets:
// reserve before an effect, settle after it.
package ledger
