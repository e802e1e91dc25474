package ledger

import (
	"reflect"
	"strings"
	"testing"

	"tierlab/configs"
	"tierlab/reference/journal"
)

func TestEmbeddedBooks(t *testing.T) {
	c, err := LoadBooks(configs.FS)
	if err != nil {
		t.Fatal(err)
	}
	b, err := c.Find("actions")
	if err != nil || b.Step != Pico(0.1) || b.StepTokens != 10000 || b.Tokens {
		t.Errorf("actions: %+v, %v", b, err)
	}
	if _, err := c.Find("step"); err == nil || !strings.Contains(err.Error(), `did you mean "steps"?`) {
		t.Errorf("an unknown book: %v", err)
	}
	// 4,119 neurons in and 34,868 out a million tokens, each rounded up.
	if got := c.Neurons("llama-3.1-8b", 1000, 100); got != 5+4 {
		t.Errorf("1,000 tokens in and 100 out of an 8B model take %d neurons, want 9", got)
	}
	if got := c.Neurons("no such model", 1000, 100); got != 0 {
		t.Errorf("an unknown model takes %d neurons", got)
	}
}

func TestBookFaults(t *testing.T) {
	const head = "schema: tierlab-books/v1\nbooks:\n"
	book := func(lines string) string {
		return head + "  - {name: x, about: x, source: \"scenario: x\", date: 2025-01, " + lines + "}\n"
	}
	for _, c := range []struct{ text, want string }{
		{"", "b.yaml:1: the file is empty"},
		{"schema: tierlab-books/v2\nbooks: []\n", `b.yaml: schema: want tierlab-books/v1, not "tierlab-books/v2"`},
		{book("usd_per_stp: 1"), `b.yaml:3: books[0]: unknown field "usd_per_stp"; did you mean "usd_per_step"?`},
		{book("usd_per_step: -1"), "b.yaml:3: books[0].usd_per_step: -1 is out of range: it must be >0"},
		{book("usd_per_step: much"), `b.yaml:3: books[0].usd_per_step: want a finite number, not "much"`},
		{head + "  - {name: x, about: x, usd_per_step: 1}\n", "the figure 1 has no source and date"},
		{book("tokens_per_step: 10"), "b.yaml: books[0]: tokens_per_step needs usd_per_step"},
		{book("at_cost: [egres]"), `at_cost[0]: no cost "egres"; did you mean "egress"?`},
		{book("at_cost: [egress, egress]"), `at_cost[1]: "egress" stands here twice`},
		{book("tokens: false"), "it bills nothing: give a price, tokens or at_cost"},
		{book("usd_per_step: 1") + strings.TrimPrefix(book("usd_per_step: 2"), head), `books[1]: name: book "x" stands here twice`},
	} {
		_, err := ParseBooks("b.yaml", []byte(c.text))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func TestBudgetFile(t *testing.T) {
	got, err := ParseBudgets("b.yaml", []byte(`schema: tierlab-budgets/v1
default: {session: {usd: 0.50, steps: 40}}
tenants:
  acme:
    day: {usd: 20, units: 2000000}
    total: {tokens: 5}
`))
	want := Budgets{
		Default: Budget{Session: journal.Amount{PicoUSD: Pico(0.5), Steps: 40}},
		Tenants: map[string]Budget{"acme": {
			Day: journal.Amount{PicoUSD: Pico(20), Units: 2000000}, Total: journal.Amount{Tokens: 5},
		}},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, c := range []struct{ text, want string }{
		{"schema: x\n", `b.yaml: schema: want tierlab-budgets/v1, not "x"`},
		{"schema: tierlab-budgets/v1\ntenants:\n  acme:\n    day: {usd: 0}\n", "b.yaml:4: tenants.acme.day.usd: 0 is out of range: it must be >0"},
		{"schema: tierlab-budgets/v1\ntenants:\n  acme: {week: {usd: 1}}\n", `b.yaml:3: tenants.acme: unknown field "week"`},
		{"schema: tierlab-budgets/v1\ntenants:\n  acme: {}\n  acme: {}\n", `b.yaml:4: tenants: field "acme" stands here twice`},
		{"schema: tierlab-budgets/v1\ntenants:\n  acme: {day: {steps: 1.5}}\n", `b.yaml:3: tenants.acme.day.steps: want a whole number, not "1.5"`},
		{"schema: tierlab-budgets/v1\ntenants: {\"\": {}}\n", "a tenant needs a name"},
	} {
		if _, err := ParseBudgets("b.yaml", []byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
}

func FuzzParseBudgets(f *testing.F) {
	f.Add([]byte("schema: tierlab-budgets/v1\ndefault: {session: {usd: 1e6}}\ntenants: {a: {day: {steps: 3}}}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ParseBudgets("b.yaml", data)
		if err != nil {
			return
		}
		for _, one := range append([]Budget{b.Default}, values(b.Tenants)...) {
			for _, a := range []journal.Amount{one.Session, one.Day, one.Total} {
				for m, x := range vectorOf(a) {
					if x < 0 {
						t.Fatalf("limit of %d on %s", x, meters[m])
					}
				}
			}
		}
	})
}

func values(m map[string]Budget) []Budget {
	var list []Budget
	for _, name := range sorted(m) {
		list = append(list, m[name])
	}
	return list
}
