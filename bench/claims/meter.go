package claims

import (
	"math"
	"time"

	"tierlab/reference/ledger"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// meter takes the outcomes of one point's measured sessions.
type meter struct {
	fatal float64 // probability that a missed error fails the session
	bills []ledger.Book
	bill  func(*ledger.Book, *ledger.Use) float64 // US dollars
	uses  ledger.Meter
	use   *ledger.Use // of the session that has just ended

	sessions []sessionBill
	// latency of answered attempts by tier, in ms, due to done and estimated.
	latency [topology.Tiers][]float64
	guesses []guess

	attempts, repeated, refused, failed int
	answers, small                      int // answers; those of models below the frontier
	ended                               map[workloads.Status]int
	underWay                            map[string]*account
}

// sessionBill is a session as its bill and its objectives see it.
type sessionBill struct {
	active, tool float64 // s
	usd          workloads.Cost
	steps        int
	ok           bool // it came to its end
	// billed is what it costs, by the name of the book, in US dollars.
	billed map[string]float64
	account
}

// account is what a session's steps add up to.
type account struct {
	wrong int // answers accepted that are wrong
}

// guess is an attempt whose policy said what latency to expect.
type guess struct {
	reason           string
	estimate, actual float64 // ms
}

func newMeter(s *setting) *meter {
	m := &meter{
		fatal: s.world.Validator.Fatal, bills: s.books,
		ended: map[workloads.Status]int{}, underWay: map[string]*account{},
	}
	m.bill = func(b *ledger.Book, u *ledger.Use) float64 {
		bill := s.catalogue.Bill(b, s.world, u)
		return float64(bill.Total) / ledger.PicoPerUSD
	}
	m.uses.Each = func(u *ledger.Use) error {
		m.use = u
		return nil
	}
	return m
}

// Step implements workloads.Sink.
func (m *meter) Step(o *workloads.Outcome) error {
	if !o.Measured {
		return nil
	}
	acc := m.underWay[o.Session]
	if acc == nil {
		acc = &account{}
		m.underWay[o.Session] = acc
	}
	for i := range o.Attempts {
		a := &o.Attempts[i]
		m.attempts++
		if i > 0 && !a.Hedge {
			m.repeated++
		}
		m.answer(a)
	}
	if a := accepted(o); a != nil && a.Correct != nil && !*a.Correct {
		acc.wrong++
	}
	if len(m.bills) > 0 {
		return m.uses.Step(o)
	}
	return nil
}

// accepted is the attempt whose answer a step went on with: the one that
// passed, or the last that was refused when the attempts were used up.
func accepted(o *workloads.Outcome) *workloads.Attempt {
	if o.Status != workloads.StatusOK && o.Status != workloads.StatusInvalid {
		return nil
	}
	for i := len(o.Attempts) - 1; i >= 0; i-- {
		if a := &o.Attempts[i]; a.Status == o.Status {
			return a
		}
	}
	return nil
}

func (m *meter) answer(a *workloads.Attempt) {
	switch a.Status {
	case workloads.StatusOK, workloads.StatusInvalid:
	case workloads.StatusRejected:
		m.refused++
		return
	default:
		m.failed++
		return
	}
	m.answers++
	if a.Model != frontierModel {
		m.small++
	}
	took := millis((a.Done - a.Sent).D())
	for t := topology.Device; t < topology.Tiers; t++ {
		if a.Tier == t.String() {
			m.latency[t] = append(m.latency[t], took)
		}
	}
	if a.Estimate > 0 {
		m.guesses = append(m.guesses, guess{a.Reason, millis(a.Estimate.D()), took})
	}
}

// Session implements workloads.Sink.
func (m *meter) Session(o *workloads.Outcome) error {
	r := o.Result
	if !r.Measured {
		return nil
	}
	m.ended[o.Status]++
	b := sessionBill{
		active: r.Active.D().Seconds(), tool: r.Split.Tool.D().Seconds(), usd: r.USD,
		steps: r.Steps, ok: o.Status == workloads.StatusOK,
	}
	if acc := m.underWay[o.Session]; acc != nil {
		b.account = *acc
		delete(m.underWay, o.Session)
	}
	if len(m.bills) > 0 {
		if err := m.uses.Session(o); err != nil {
			return err
		}
		b.billed = map[string]float64{}
		for i := range m.bills {
			b.billed[m.bills[i].Name] = m.bill(&m.bills[i], m.use)
		}
	}
	m.sessions = append(m.sessions, b)
	return nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// mean is the mean of a quantity over sessions.
func (m *meter) mean(of func(*sessionBill) float64) float64 {
	sum := 0.0
	for i := range m.sessions {
		sum += of(&m.sessions[i])
	}
	return sum / float64(len(m.sessions))
}

func active(s *sessionBill) float64  { return s.active }
func dollars(s *sessionBill) float64 { return s.usd.Total() }
func steps(s *sessionBill) float64   { return float64(s.steps) }

// resolvedAt is the resolve rate when a missed error fails its session with
// the given probability: each of a session's k accepted errors does so
// independently, so it resolves with probability (1-fatal)^k. That is the mean
// of what the simulator draws, without the noise of drawing it, and gives every
// fatality from one run.
func resolvedAt(fatal float64) func(*meter) float64 {
	return func(m *meter) float64 {
		return m.mean(func(s *sessionBill) float64 {
			if !s.ok {
				return 0
			}
			return math.Pow(1-fatal, float64(s.wrong))
		})
	}
}

// frontierModel is the catalogue's most able model.
const frontierModel = "frontier"

// The measures of a point.
func smallShare(m *meter) float64  { return float64(m.small) / float64(m.answers) }
func activeMean(m *meter) float64  { return m.mean(active) }
func dollarMean(m *meter) float64  { return m.mean(dollars) }
func resolveRate(m *meter) float64 { return resolvedAt(m.fatal)(m) }
func perResolved(m *meter) float64 { return m.mean(dollars) / resolveRate(m) }
func toolShare(m *meter) float64 {
	return m.mean(func(s *sessionBill) float64 { return s.tool }) / m.mean(active)
}
func activePerStep(m *meter) float64 { return m.mean(active) / m.mean(steps) }
func dollarPerStep(m *meter) float64 { return m.mean(dollars) / m.mean(steps) }

// modelPerStep is active makespan without tools, over steps.
func modelPerStep(m *meter) float64 {
	return m.mean(func(s *sessionBill) float64 { return s.active - s.tool }) / m.mean(steps)
}

// platformPerStep is what the platform takes for a step: state, orchestration,
// sandbox and egress.
func platformPerStep(m *meter) float64 {
	return m.mean(func(s *sessionBill) float64 {
		return s.usd.State + s.usd.Orchestration + s.usd.Sandbox + s.usd.Egress
	}) / m.mean(steps)
}
