package ledger

import (
	"context"
	"crypto/rand"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"tierlab/reference/journal"
	"tierlab/workloads"
)

// Hold is a reservation: an amount set aside in each of a list of accounts. The
// zero Hold is of nothing. It is a plain value, kept in a session's journal with
// the event that it was made for.
type Hold struct {
	ID       string         `json:"id,omitempty"`
	Accounts []string       `json:"accounts,omitempty"`
	Amount   journal.Amount `json:"amount"`
}

// Request asks for an amount on behalf of a session.
type Request struct {
	Session, Tenant string
	Tool            string // the tool about to be called, if it is one
	Amount          journal.Amount
	// Budget is the session's own; it holds beside its tenant's.
	Budget *workloads.Budget
}

// Config is what a Ledger goes by.
type Config struct {
	Budgets Budgets
	// Node and Nodes divide tenants' limits among several ledgers over one
	// store: this one is called Node, names differ, and there are Nodes of them.
	Node  string
	Nodes int
	// Catalogue counts compute units; nil: none are.
	Catalogue *Catalogue
}

// Ledger counts what is spent and reserved, and refuses what does not fit. Its
// methods may be called by many goroutines.
type Ledger struct {
	cfg   Config
	store journal.Store // nil: totals begin at 0, and switches are not kept
	name  string        // begins the IDs of this ledger's holds

	// loading is held while an account comes in or goes, so that no totals are
	// read before a change and put in place after it. It is taken before mu.
	loading sync.Mutex

	mu     sync.Mutex
	made   uint64
	counts map[string]*account
	holds  map[string]*holding
	freed  chan struct{} // closed when something was freed; nil: nobody waits
	off    map[string]Switch

	switches switchJournal
}

// account is one as memory has it.
type account struct {
	spent, reserved vector
	holds           int // that are open and counted here
}

// New is a ledger without a store: for tests, and for runs that leave nothing
// behind.
func New(cfg Config) *Ledger {
	return &Ledger{
		cfg: cfg, name: rand.Text()[:12] + "-",
		counts: map[string]*account{}, holds: map[string]*holding{}, off: map[string]Switch{},
	}
}

// Open is a ledger over a store: an account begins with the store's totals, and
// the switches are as they were left.
func Open(ctx context.Context, store journal.Store, cfg Config) (*Ledger, error) {
	l := New(cfg)
	l.store = store
	if err := l.loadSwitches(ctx); err != nil {
		return nil, err
	}
	return l, nil
}

// Reserve sets an amount aside in all accounts of a request, or in none. The
// error is a *KilledError, an *OverError, or says what is wrong with the request
// or with reading the store.
func (l *Ledger) Reserve(at time.Time, r Request) (Hold, error) {
	if err := r.check(); err != nil {
		return Hold{}, err
	}
	list := l.accounts(at, &r)
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].account
	}
	if err := l.load(names); err != nil {
		return Hold{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.killed(&r); err != nil {
		return Hold{}, err
	}
	want := vectorOf(r.Amount)
	if err := l.over(list, want); err != nil {
		return Hold{}, err
	}
	l.made++
	h := Hold{ID: l.name + strconv.FormatUint(l.made, 10), Accounts: names, Amount: r.Amount}
	for _, name := range names {
		a := l.counts[name]
		a.reserved = a.reserved.plus(want)
		a.holds++
	}
	l.holds[h.ID] = &holding{counted: names}
	return h, nil
}

func (r *Request) check() error {
	if err := journal.CheckSession(r.Session); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	for i, x := range vectorOf(r.Amount) {
		if x < 0 {
			return fmt.Errorf("ledger: session %q asks for %s %s: must not be negative", r.Session, written(i, x), meters[i])
		}
	}
	return nil
}

// load brings accounts into memory.
func (l *Ledger) load(names []string) error {
	if len(l.missing(names)) == 0 {
		return nil
	}
	l.loading.Lock()
	defer l.loading.Unlock()
	for _, name := range l.missing(names) {
		var sums journal.Totals
		if l.store != nil {
			var err error
			if sums, err = l.store.Totals(context.Background(), name); err != nil {
				return fmt.Errorf("ledger: account %s: %w", name, err)
			}
		}
		l.mu.Lock()
		l.counts[name] = &account{spent: vectorOf(sums.Spent), reserved: vectorOf(sums.Reserved)}
		l.mu.Unlock()
	}
	return nil
}

// missing are the accounts that are not in memory.
func (l *Ledger) missing(names []string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var list []string
	for _, name := range names {
		if l.counts[name] == nil {
			list = append(list, name)
		}
	}
	return list
}

// over says which limit a reservation would break. One that it breaks whatever
// others settle goes before one that it may keep later.
func (l *Ledger) over(list []limited, want vector) error {
	var first *OverError
	for i := range list {
		a := l.counts[list[i].account]
		for m := range meters {
			e := list[i].over(m, a, want[m])
			if e != nil && (first == nil || first.Later && !e.Later) {
				first = e
			}
		}
	}
	if first == nil {
		return nil
	}
	return first
}

func (l *limited) over(m int, a *account, want int64) *OverError {
	limit, ok := l.bound(m)
	if !ok {
		limit = math.MaxInt64 // what an account can hold
	}
	there, _ := sum(a.spent[m], a.reserved[m])
	if used, fits := sum(there, want); want == 0 || fits && used <= limit {
		return nil
	}
	alone, fits := sum(a.spent[m], want)
	return &OverError{
		Account: l.account, What: meters[m], Later: fits && alone <= limit,
		Limit: written(m, limit), Totals: written(m, there), Wanted: written(m, want),
	}
}

// OverError says which limit a reservation would have broken.
type OverError struct {
	Account               string
	What                  string // usd, steps, tokens, units
	Limit, Totals, Wanted string // as a person writes them
	// Later: it fits once others settle for less than they reserved. Otherwise
	// it fits only once the limit is raised, or, for a day's account, tomorrow.
	Later bool
}

func (e *OverError) Error() string {
	text := fmt.Sprintf("ledger: %s: limit of %s on %s: %s is spent or reserved, %s more was asked for",
		e.Account, e.Limit, e.What, e.Totals, e.Wanted)
	if e.Later {
		text += ": it may fit once others settle"
	}
	return text
}

// Units are the compute units of a model call: neurons, if there is a catalogue.
func (l *Ledger) Units(model string, input, output int) int64 {
	if l.cfg.Catalogue == nil {
		return 0
	}
	return l.cfg.Catalogue.Neurons(model, input, output)
}

// Freed is closed when a reservation has next been taken back: what was refused
// with Later may fit then.
func (l *Ledger) Freed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.freed == nil {
		l.freed = make(chan struct{})
	}
	return l.freed
}

// Totals are an account as memory has it: what is written, and what is about to
// be.
func (l *Ledger) Totals(name string) (journal.Totals, error) {
	if err := l.load([]string{name}); err != nil {
		return journal.Totals{}, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.counts[name]
	return journal.Totals{Spent: a.spent.amount(), Reserved: a.reserved.amount()}, nil
}

// Forget lets go of a session's account, which is read again from the store when
// it is next needed. It is for a session that has ended, hibernates or has another
// owner, after its last write. While holds of it are open here, it stays.
func (l *Ledger) Forget(session string) {
	l.loading.Lock()
	defer l.loading.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	name := SessionAccount(session)
	if a := l.counts[name]; a != nil && l.store != nil && a.holds == 0 {
		delete(l.counts, name)
	}
}
