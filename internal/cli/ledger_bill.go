package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"tierlab/configs"
	"tierlab/internal/spell"
	"tierlab/reference/ledger"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// billsSchema is the version of the JSON form.
const billsSchema = "tierlab.bills/v1"

// billOptions say which record to bill, and by which books.
type billOptions struct {
	run      string
	books    []string
	file     string // of price books
	topology string
	session  string
	asJSON   bool
}

func newLedgerBill(stdio Stdio) *cobra.Command {
	var o billOptions
	cmd := &cobra.Command{
		Use:   "bill RUN",
		Short: "Bill the sessions of a recorded run by steps, tokens, neurons and time",
		Long: `Bill every session of a run's record, simulated or live, under each price book:
by tokens, steps, actions, sessions, neurons and compute time (configs/books.yaml
has the prices with their sources, and a file of the same form takes its place).
Tokens cost what the topology says; calls on deployments that it does not have cost
what the record says. With --session the lines of one session's bills are shown, to
the picodollar.`,
		Example: `  tierlab replay embedded --topology tiny --policy cascade --arrivals closed:3 -n 6 --out run --force
  tierlab ledger bill run/records/cascade.r0.jsonl
  tierlab ledger bill run/records/cascade.r0.jsonl --book steps,tokens --json`,
		Args: exactly("RUN"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.run = args[0]
			return billRun(cmd.Context(), o, stdio)
		},
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.books, "book", nil, "the `books` to bill by (default: all)")
	f.StringVar(&o.file, "prices", "", "read the price books from this YAML `file`")
	f.StringVar(&o.topology, "topology", "", "the `topology` whose token prices count (default: the run's)")
	f.StringVar(&o.session, "session", "", "show the lines of this session's bills, by its `id`")
	f.BoolVar(&o.asJSON, "json", false, "print JSON (schema "+billsSchema+")")
	return cmd
}

// billed is a session's use and its bills, one by each book.
type billed struct {
	use   *ledger.Use
	bills []ledger.Bill
}

func billRun(ctx context.Context, o billOptions, stdio Stdio) error {
	catalogue, books, err := o.priceBooks()
	if err != nil {
		return badInput(err)
	}
	r, name, err := openWorkload(o.run, stdio)
	if err != nil {
		return err
	}
	defer r.Close()
	reader := workloads.NewReader(&interruptible{ctx, r}, name)
	world, err := o.world(reader, stdio)
	if err != nil {
		return err
	}
	list, err := billSessions(reader, func(u *ledger.Use) billed {
		b := billed{use: u}
		for i := range books {
			b.bills = append(b.bills, catalogue.Bill(&books[i], world, u))
		}
		return b
	})
	if err != nil {
		return badInput(err)
	}
	if o.session != "" {
		if list, err = onlySession(list, o.session); err != nil {
			return badInput(err)
		}
	}
	return buffered(stdio.Out, func(w io.Writer) error {
		switch {
		case o.asJSON:
			return writeBillsJSON(w, list)
		case o.session != "":
			return writeBillLines(w, &list[0])
		}
		return writeBills(w, books, list)
	})
}

// priceBooks are the catalogue and the books asked for.
func (o *billOptions) priceBooks() (*ledger.Catalogue, []ledger.Book, error) {
	catalogue, err := ledger.LoadBooks(configs.FS)
	if o.file != "" {
		var text []byte
		if text, err = os.ReadFile(o.file); err == nil {
			catalogue, err = ledger.ParseBooks(o.file, text)
		}
	}
	if err != nil {
		return nil, nil, err
	}
	if len(o.books) == 0 {
		return catalogue, catalogue.Books, nil
	}
	var books []ledger.Book
	for _, name := range o.books {
		b, err := catalogue.Find(name)
		if err != nil {
			return nil, nil, fmt.Errorf("--book: %w", err)
		}
		books = append(books, *b)
	}
	return catalogue, books, nil
}

// world is the topology that prices tokens: the one asked for, or the run's.
func (o *billOptions) world(r *workloads.Reader, stdio Stdio) (*topology.World, error) {
	h, err := r.Header()
	if err != nil {
		return nil, badInput(err)
	}
	if h.Run == nil {
		return nil, badInputf("%s is a workload, not a run's record: tierlab replay --out writes records", o.run)
	}
	if o.topology != "" {
		return readWorld(o.topology)
	}
	w, err := readWorld(h.Run.Topology)
	if err != nil {
		return nil, fmt.Errorf("the run's topology: %w: name one with --topology", err)
	}
	if w.Digest != h.Run.TopologyDigest {
		fmt.Fprintf(stdio.Err, "note: topology %s has changed since the run: tokens are billed at its present prices\n", w.Name)
	}
	return w, nil
}

func billSessions(r *workloads.Reader, bill func(*ledger.Use) billed) ([]billed, error) {
	var list []billed
	meter := ledger.Meter{Each: func(u *ledger.Use) error {
		list = append(list, bill(u))
		return nil
	}}
	for t, err := range r.Sessions() {
		if err != nil {
			return nil, err
		}
		for i := range t.Outcomes {
			o := &t.Outcomes[i]
			take := meter.Step
			if o.Result != nil {
				take = meter.Session
			}
			if err := take(o); err != nil {
				return nil, err
			}
		}
	}
	if len(list) == 0 {
		return nil, errors.New("the record has no session that is over")
	}
	return list, nil
}

func onlySession(list []billed, id string) ([]billed, error) {
	var ids []string
	for _, b := range list {
		if b.use.Session == id {
			return []billed{b}, nil
		}
		ids = append(ids, b.use.Session)
	}
	return nil, fmt.Errorf("--session: no session %q%s", id, spell.Hint(id, ids))
}

// writeBills shows every session under every book, and what the books make of the
// whole run.
func writeBills(w io.Writer, books []ledger.Book, list []billed) error {
	heads := []string{"SESSION", "TENANT", "STATUS", "STEPS"}
	for _, b := range books {
		heads = append(heads, strings.ToUpper(b.Name))
	}
	sessions := newTable(heads...)
	totals := newTable("BOOK", "TOTAL", "A SESSION", "CV", "WHAT IS BILLED")
	for _, b := range list {
		row := []string{b.use.Session, b.use.Tenant, string(b.use.Status), fmt.Sprint(len(b.use.StepTokens))}
		for _, bill := range b.bills {
			row = append(row, dollarText(bill.Total))
		}
		sessions.row(row...)
	}
	for i, book := range books {
		var each []float64
		total := int64(0)
		for _, b := range list {
			total += b.bills[i].Total
			each = append(each, float64(b.bills[i].Total)/ledger.PicoPerUSD)
		}
		mean, sd := stat.PopMeanStdDev(each, nil)
		spread := "-"
		if mean > 0 && len(each) > 1 {
			spread = fmt.Sprintf("%.2f", sd/mean)
		}
		totals.row(book.Name, dollarText(total), fmt.Sprintf("$%.6f", mean), spread, book.About)
	}
	if err := sessions.write(w); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return err
	}
	if err := totals.write(w); err != nil {
		return err
	}
	return writeBillNotes(w, list)
}

// writeBillNotes says which calls a book could not price by itself.
func writeBillNotes(w io.Writer, list []billed) error {
	notes := map[string]bool{}
	for _, b := range list {
		for _, bill := range b.bills {
			for _, model := range bill.Unlisted {
				notes["Not billed by neurons: calls of "+model+", for which the books have no rate."] = true
			}
			if slices.ContainsFunc(bill.Lines, func(l ledger.Line) bool { return l.What == ledger.Elsewhere }) {
				notes["Billed as recorded: tokens of calls on deployments that the topology does not have."] = true
			}
		}
	}
	for i, note := range slices.Sorted(maps.Keys(notes)) {
		if _, err := fmt.Fprintln(w, "\n"[min(i, 1):]+note); err != nil {
			return err
		}
	}
	return nil
}

// dollarText is an amount to a millionth of a dollar.
func dollarText(pico int64) string { return fmt.Sprintf("$%.6f", float64(pico)/ledger.PicoPerUSD) }

// writeBillLines shows one session's bills in full.
func writeBillLines(w io.Writer, b *billed) error {
	t := newTable("BOOK", "ITEM", "MODEL", "QUANTITY", "UNIT", "PRICE", "PER", "AMOUNT")
	for _, bill := range b.bills {
		for _, l := range bill.Lines {
			quantity := strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%d.%06d", l.Quantity/1e6, l.Quantity%1e6), "0"), ".")
			t.row(bill.Book, l.What, l.Model, quantity, l.Unit, ledger.USD(l.Price), thousands(int(l.Per)), ledger.USD(l.Amount))
		}
		t.row(bill.Book, "total", "", "", "", "", "", ledger.USD(bill.Total))
	}
	return t.write(w)
}

func writeBillsJSON(w io.Writer, list []billed) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	var bills []ledger.Bill
	for _, b := range list {
		bills = append(bills, b.bills...)
	}
	return e.Encode(struct {
		Schema string        `json:"schema"`
		Bills  []ledger.Bill `json:"bills"`
	}{billsSchema, bills})
}
