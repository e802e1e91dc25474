package claims

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"tierlab/bench/actors"
	"tierlab/configs"
	"tierlab/reference/agent"
	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/ledger"
	"tierlab/reference/session"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// liveSessions is how many sessions of liveProfile, whose prompts are short, live
// through the actors.
const (
	liveSessions = 32
	liveProfile  = "customer-support"
)

// liveCap bounds every recorded wait of a live session: its steps, calls and tokens are
// what counts.
const liveCap = time.Millisecond

// living is what was seen of sessions that lived through the actors of this machine.
type living struct {
	world    *topology.World
	uses     []*ledger.Use
	attempts int
	unknown  int                       // attempts without site, model, reason or status
	rebuilt  int                       // sessions whose state, made again from the journal, is the live one's
	records  int                       // that were read and found to fit their chain
	sums     map[string]journal.Totals // by session
	tenants  journal.Totals            // of all together
	took     time.Duration
}

// live has sessions live once, and remembers what was seen.
func (l *Lab) live(ctx context.Context) (*living, error) {
	if l.lived != nil {
		return l.lived, nil
	}
	w, err := l.world(l.Edge)
	if err != nil {
		return nil, err
	}
	lib, err := l.profile(liveProfile, -1)
	if err != nil {
		return nil, err
	}
	dir, remove, err := scratch()
	if err != nil {
		return nil, err
	}
	defer remove()
	cfg := agent.DefaultConfig()
	cfg.CommitEach, cfg.ThinkCap, cfg.ToolCap = true, liveCap, liveCap
	v := living{world: w, sums: map[string]journal.Totals{}}
	meter := &ledger.Meter{Each: func(u *ledger.Use) error {
		v.uses = append(v.uses, u)
		return nil
	}}
	run := actors.Live{Folder: dir, World: w, Policy: billPolicy, Agent: cfg}
	lived, err := run.Run(ctx, actors.Load{Library: lib, Sessions: liveSessions, Name: "live", Sink: &auditing{Meter: meter, seen: &v}},
		func(rt *session.Runtime, store journal.Store) error { return v.look(ctx, rt, store) })
	if err != nil {
		return nil, err
	}
	v.took = lived.Took
	l.lived = &v
	return l.lived, nil
}

// auditing looks at attempts on their way to a meter.
type auditing struct {
	*ledger.Meter
	seen *living
}

// Step implements workloads.Sink.
func (a *auditing) Step(o *workloads.Outcome) error {
	for i := range o.Attempts {
		t := &o.Attempts[i]
		a.seen.attempts++
		if t.Site == "" || t.Model == "" || t.Reason == "" || t.Status == "" || t.Done < t.Sent {
			a.seen.unknown++
		}
	}
	return a.Meter.Step(o)
}

// look rebuilds every session from its journal, and reads the ledger's accounts.
func (v *living) look(ctx context.Context, rt *session.Runtime, store journal.Store) error {
	tenants := map[string]bool{}
	for _, u := range v.uses {
		tenants[u.Tenant] = true
		now, _, err := rt.Read(ctx, u.Session, session.Consistency{Level: session.Strong})
		if err != nil {
			return err
		}
		again, err := session.Rebuild(ctx, store, u.Session, session.To{})
		if err != nil {
			return err
		}
		if again.Digest == now.Digest && again.Record == now.Record {
			v.rebuilt++
		}
		if err := store.Read(ctx, u.Session, 0, func(journal.Record) error { v.records++; return nil }); err != nil {
			return err
		}
		if v.sums[u.Session], err = store.Totals(ctx, ledger.SessionAccount(u.Session)); err != nil {
			return err
		}
	}
	for name := range tenants {
		sums, err := store.Totals(ctx, ledger.TenantAccount(name))
		if err != nil {
			return err
		}
		v.tenants.Spent.PicoUSD += sums.Spent.PicoUSD
		v.tenants.Reserved.PicoUSD += sums.Reserved.PicoUSD
	}
	return nil
}

func (v *living) how() string {
	return here() + fmt.Sprintf(": %d sessions of %s, %d attempts, through the actors with waits of at most %s, priced as on %s",
		len(v.uses), liveProfile, v.attempts, liveCap, v.world.Name)
}

// pricing is P11.
func pricing(ctx context.Context, l *Lab, f *Finding) error {
	v, err := l.live(ctx)
	if err != nil {
		return err
	}
	catalogue, err := ledger.LoadBooks(configs.FS)
	if err != nil {
		return err
	}
	t := Table{Title: "Mean bill of a live session, USD", Head: []string{"book", "bill", "what is billed"}}
	for i := range catalogue.Books {
		b, total := &catalogue.Books[i], int64(0)
		for _, u := range v.uses {
			bill := catalogue.Bill(b, v.world, u)
			total += bill.Total
		}
		t.row(word(b.Name), number(float64(total)/ledger.PicoPerUSD/float64(len(v.uses))), word(b.About))
	}
	f.Tables = append(f.Tables, t)
	tokens, err := catalogue.Find(byTokens)
	if err != nil {
		return err
	}
	book := *tokens
	book.AtCost = []string{"egress"} // what the ledger is asked for before a call
	worst, steps, units, spent, reserved := 0.0, 0, 0, int64(0), int64(0)
	for _, u := range v.uses {
		sums := v.sums[u.Session]
		bill := catalogue.Bill(&book, v.world, u)
		worst = max(worst, math.Abs(float64(bill.Total-sums.Spent.PicoUSD)))
		if sums.Spent.Steps != int64(u.Answered()) {
			steps++
		}
		// Each call's neurons are rounded up twice, for its prompt and its answer.
		if n := v.neurons(catalogue, u); float64(sums.Spent.Units) < n || float64(sums.Spent.Units) > n+2*float64(v.calls(u)) {
			units++
		}
		spent, reserved = spent+sums.Spent.PicoUSD, reserved+sums.Reserved.PicoUSD
	}
	apart := exactly(worst / ledger.PicoPerUSD)
	f.check(Check{Statement: "the most that a session's bill by tokens and its account in the ledger are apart", Criterion: "at most $0.000000001 (a sum's roundings)",
		Found: apart, Unit: "USD", Truth: apart.atMost(1e-9), Where: "tokens"})
	f.none("sessions whose account has other steps than its bill", steps)
	f.none("sessions whose account has other neurons than its bill, but for rounding", units)
	f.none("picodollars by which sessions' accounts and tenants' differ", int(spent+reserved-v.tenants.Spent.PicoUSD-v.tenants.Reserved.PicoUSD))
	f.none("picodollars that are still reserved", int(reserved))
	f.judge()
	f.Says = fmt.Sprintf("Every session is billed by %d books. %s", len(catalogue.Books), f.inWords())
	f.How = v.how()
	return nil
}

// neurons are those of a session's calls, by its bill.
func (v *living) neurons(c *ledger.Catalogue, u *ledger.Use) float64 {
	bill := c.Bill(&ledger.Book{Neurons: 1}, v.world, u)
	n := 0.0
	for _, line := range bill.Lines {
		n += float64(line.Quantity) / 1e6
	}
	return n
}

func (v *living) calls(u *ledger.Use) int {
	n := 0
	for _, c := range u.Calls {
		n += c.N
	}
	return n
}

// audit is P13.
func audit(ctx context.Context, l *Lab, f *Finding) error {
	v, err := l.live(ctx)
	if err != nil {
		return err
	}
	f.none("attempts of which site, model, the policy's reason, times or outcome are not known", v.unknown)
	f.all("sessions whose state, made again from their journal, is the live one to the bit", v.rebuilt, len(v.uses))
	f.judge()
	f.Says = fmt.Sprintf("%d attempts are in %d records, each of which fits its chain of hashes. %s tierlab session show and replay read them.",
		v.attempts, v.records, f.inWords())
	f.How = v.how()
	return nil
}

// takeovers is how often P4 has one owner take a session over from another.
const takeovers = 100

// wakeScale is the share of the measurement's full size that a batch of P4 is.
const wakeScale = 0.04

// durable is P4.
func durable(ctx context.Context, l *Lab, f *Finding) error {
	v, err := l.live(ctx)
	if err != nil {
		return err
	}
	dir, remove, err := scratch()
	if err != nil {
		return err
	}
	defer remove()
	accepted, err := fenced(ctx, dir)
	if err != nil {
		return err
	}
	var wakes []float64
	for range l.batches() {
		rows, err := actors.Measure(ctx, actors.Options{Folder: dir, Scale: wakeScale}, []string{"wake"})
		if err != nil {
			return err
		}
		wakes = append(wakes, rows[0].Figures["p50_ms"])
	}
	f.all("sessions whose state, made again from their journal, is the live one to the bit", v.rebuilt, len(v.uses))
	f.none(fmt.Sprintf("writes of %d owners, after another took the session over, that were taken", takeovers), accepted)
	f.below("a session of 50 steps that hibernates, from wake to answer, median", estimate(wakes), 5, "waking")
	f.judge()
	f.Says = f.inWords() + " make test-faults kills the process under live sessions and compares."
	f.How = v.how()
	return nil
}

// fenced counts the writes of former owners that a store takes.
func fenced(ctx context.Context, dir string) (accepted int, err error) {
	store, err := pebblestore.Open(dir+"/owners", pebblestore.Options{})
	if err != nil {
		return 0, err
	}
	for i := range takeovers {
		id := fmt.Sprintf("s%d", i)
		first, err := store.Own(ctx, id, "first", true)
		if err != nil {
			return 0, errors.Join(err, store.Close())
		}
		if _, err := store.Own(ctx, id, "second", false); err != nil {
			return 0, errors.Join(err, store.Close())
		}
		_, err = store.Append(ctx, &journal.Batch{Session: id, Epoch: first.Epoch, After: first.Seq,
			Records: []journal.Entry{{At: time.Now(), Kind: "late"}}})
		if !errors.Is(err, journal.ErrFenced) {
			accepted++
		}
	}
	return accepted, store.Close()
}
