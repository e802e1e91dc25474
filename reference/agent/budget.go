package agent

import (
	"math"

	"tierlab/workloads"
)

// picoUSD is 10^-12 US dollars. Reservations are kept in it, rounded up, so
// that taking one back leaves exactly what was there before.
type picoUSD int64

const picoPerUSD = 1e12

// pico rounds a price up; prices beyond 9 million dollars count as that.
func pico(usd float64) picoUSD {
	if !(usd > 0) {
		return 0
	}
	return picoUSD(math.Ceil(math.Min(usd, 9e6) * picoPerUSD))
}

func (p picoUSD) usd() float64 { return float64(p) / picoPerUSD }

// money is what a session has spent and reserved.
type money struct {
	cost     workloads.Cost
	spent    float64 // the sum of all prices, US dollars
	reserved picoUSD
	// overrun sums by how much prices exceeded what was reserved for them.
	overrun float64

	tokens, reservedTokens int
	begun                  int // steps that were admitted
	// freed says that a reservation was taken back since steps that wait for
	// budget last tried.
	freed bool
}

type verdict uint8

const (
	granted verdict = iota
	later           // fits once others settle
	refused
)

// fits checks a reservation against the budget: what is spent, what others
// have reserved and what is asked for must not exceed it.
func (m *Machine) fits(usd picoUSD, tokens int) verdict {
	v := granted
	if limit := m.limits.USD; limit > 0 {
		if m.spent+usd.usd() > limit {
			return refused
		}
		if m.spent+(m.reserved+usd).usd() > limit {
			v = later
		}
	}
	if limit := m.limits.Tokens; limit > 0 {
		if m.tokens+tokens > limit {
			return refused
		}
		if m.tokens+m.reservedTokens+tokens > limit {
			v = later
		}
	}
	return v
}

// reserveStep reserves a step's commits and tool calls, and counts the step.
func (m *Machine) reserveStep(s int32, st *step) verdict {
	if limit := m.limits.Steps; limit > 0 && m.begun >= limit {
		return refused
	}
	n := &m.prog.nodes[s]
	need := pico(m.cfg.ToolUSD) * picoUSD(n.tools)
	if m.cfg.CommitEach {
		need += pico(m.cfg.CommitUSD) * 2
	}
	if v := m.fits(need, 0); v != granted {
		return v
	}
	m.begun++
	m.reserved += need
	st.overhead = need
	st.flags |= reserved
	st.priced = n.tools
	return granted
}

// reserveTools reserves the tool calls that a step has got with its answer
// (Event.Program), and says whether there is room for them.
func (m *Machine) reserveTools(s int32, st *step) bool {
	more := m.prog.nodes[s].tools - st.priced
	if more <= 0 {
		return true
	}
	need := pico(m.cfg.ToolUSD) * picoUSD(more)
	if m.fits(need, 0) != granted {
		return false
	}
	m.reserved += need
	st.overhead += need
	st.priced += more
	return true
}

// settleOverhead books the price of a commit, a tool call or a transition, and
// takes back what was reserved for it.
func (m *Machine) settleOverhead(st *step, account *float64, usd, bound float64) {
	part := min(pico(bound), st.overhead)
	m.book(account, m.price(usd), part.usd())
	st.overhead -= part
	m.release(part)
}

// price is what an answer says that something cost. Less than 0, or no number,
// is a violation and counts as 0: no answer may win budget back.
func (m *Machine) price(usd float64) float64 {
	if usd >= 0 {
		return usd
	}
	m.violations++
	return 0
}

// book adds a price to an account.
func (m *Machine) book(account *float64, usd, bound float64) {
	*account += usd
	m.spent += usd
	m.overrun += max(0, usd-bound)
}

func (m *Machine) release(p picoUSD) {
	if p > 0 {
		m.reserved -= p
		m.freed = true
	}
}

// reserveAttempt reserves the price of an attempt, of its validation, and the
// attempt's tokens.
func (m *Machine) reserveAttempt(s int32, st *step) verdict {
	return m.fits(m.attemptPrice(st)+m.checkPrice(st), m.EffectiveInput(s)+m.EffectiveOutput(s))
}

func (m *Machine) attemptPrice(st *step) picoUSD { return pico(st.plan.reserve) }

func (m *Machine) checkPrice(st *step) picoUSD {
	if !m.cfg.Validate || st.flags.has(compacting) {
		return 0
	}
	return pico(m.cfg.ValidationUSD)
}

// settleAttempt books an attempt's price and tokens in place of what was
// reserved for them. An attempt that no site worked on used no tokens.
func (m *Machine) settleAttempt(a *attempt, c *Call) {
	a.usd, a.egress = m.price(c.USD), m.price(c.Egress)
	m.book(&m.cost.Tokens, a.usd, a.price.usd())
	m.book(&m.cost.Egress, a.egress, max(0, a.price.usd()-a.usd))
	m.release(a.price)
	if c.Prefill > 0 || c.Cached > 0 || c.Output > 0 {
		m.tokens += int(a.input) + max(0, c.Output)
	}
	m.reservedTokens -= int(a.tokens)
	m.freed = true
	a.price, a.tokens = 0, 0
}

// resumeHeld lets the steps that wait for budget try again, if some was freed.
// When no event is on its way, nothing will be freed: the lowest of them gives
// up. It says whether anything was done.
func (m *Machine) resumeHeld() bool {
	if m.held == 0 {
		m.freed = false
		return false
	}
	if m.freed {
		m.freed = false
		for s := range m.steps {
			if st := &m.steps[s]; st.phase == holding && !m.stopped() {
				m.resume(int32(s), st)
			}
		}
		return true
	}
	if !m.idle() {
		return false
	}
	for s := range m.steps {
		if st := &m.steps[s]; st.phase == holding {
			m.giveUp(int32(s), st, workloads.StatusBudget)
			break
		}
	}
	return true
}

func (m *Machine) resume(s int32, st *step) {
	if st.flags.has(reserved) {
		m.route(s, st)
		return
	}
	m.admit(s, st)
}
