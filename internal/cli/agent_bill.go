package cli

import (
	"fmt"
	"strings"

	"tierlab/configs"
	"tierlab/reference/ledger"
	"tierlab/reference/session"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// billLine is what a session costs: what it used, by the topology's prices, and
// what a price for each step would make of it (configs/books.yaml).
func billLine(v *session.View, w *topology.World) string {
	parts := []string{dollars(v.USD) + " for its tokens"}
	books, err := ledger.LoadBooks(configs.FS)
	if err != nil || w == nil {
		return parts[0]
	}
	for _, name := range []string{"steps", "actions"} {
		book, err := books.Find(name)
		if err != nil {
			continue
		}
		each := ledger.USD(book.Step) + " a step"
		if book.StepTokens > 0 {
			each += fmt.Sprintf(" of up to %s", count(int(book.StepTokens), "token"))
		}
		if use := useOf(v); use != nil {
			parts = append(parts, fmt.Sprintf("%s at %s", ledger.USD(books.Bill(book, w, use).Total), each))
		}
	}
	return strings.Join(parts, "; ")
}

// useOf is what a session used, as the ledger's books bill it.
func useOf(v *session.View) *ledger.Use {
	var use *ledger.Use
	m := ledger.Meter{Each: func(u *ledger.Use) error { use = u; return nil }}
	for i := range v.Steps {
		if err := m.Step(&v.Steps[i].Outcome); err != nil {
			return nil
		}
	}
	if err := m.Session(&workloads.Outcome{Session: v.Spec.ID, Status: v.Status}); err != nil {
		return nil
	}
	return use
}
