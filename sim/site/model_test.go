package site

import (
	"math/big"
	"slices"
	"time"
)

// model is a server written the plain way: it holds every job's work left, as
// an exact integer in units of 2^-32 ns, and takes it down job by job.
type model struct {
	slots, limit int // of Config, resolved
	speed        Speed
	now          time.Duration
	down         bool
	queue        []*modelJob
	service      []*modelJob // in order of arrival
	out          []Transition
}

type modelJob struct {
	Job
	phase                   Phase
	arrived, started, first time.Duration
	left                    *big.Int
}

func units(d time.Duration) *big.Int {
	return new(big.Int).Lsh(big.NewInt(int64(d)), 32)
}

// rates gives the units a nanosecond that each phase receives now.
func (m *model) rates() [3]*big.Int {
	p := 0
	for _, j := range m.service {
		if j.phase == Prefilling {
			p++
		}
	}
	r := [3]*big.Int{}
	if len(m.service) == 0 {
		return r
	}
	ps, ds := m.speed(p, len(m.service)-p)
	r[Prefilling] = new(big.Int).SetUint64(rate(ps))
	r[Decoding] = new(big.Int).SetUint64(rate(ds))
	return r
}

// next is how long until some job's work is used up, at least 0.
func (m *model) next() (wait *big.Int) {
	r := m.rates()
	for _, j := range m.service {
		w := new(big.Int)
		if j.left.Sign() > 0 {
			if r[j.phase].Sign() == 0 {
				continue
			}
			rest := new(big.Int)
			w.DivMod(j.left, r[j.phase], rest)
			if rest.Sign() > 0 {
				w.Add(w, big.NewInt(1))
			}
		}
		if wait == nil || w.Cmp(wait) < 0 {
			wait = w
		}
	}
	return wait
}

func (m *model) advance(to time.Duration) {
	for {
		wait := m.next()
		if wait == nil || wait.Cmp(big.NewInt(int64(to-m.now))) > 0 {
			break
		}
		m.pass(m.now + time.Duration(wait.Int64()))
		m.settle()
	}
	m.pass(to)
}

func (m *model) pass(to time.Duration) {
	r := m.rates()
	for _, j := range m.service {
		j.left.Sub(j.left, new(big.Int).Mul(r[j.phase], big.NewInt(int64(to-m.now))))
	}
	m.now = to
}

// ripe is the job of a phase that is most overdue, of equals the earliest.
func (m *model) ripe(p Phase) (best *modelJob) {
	for _, j := range m.service {
		if j.phase == p && j.left.Sign() <= 0 && (best == nil || j.left.Cmp(best.left) < 0) {
			best = j
		}
	}
	return best
}

func (m *model) settle() {
	for {
		if j := m.ripe(Decoding); j != nil {
			m.end(j, Done)
		} else if j := m.ripe(Prefilling); j != nil {
			m.report(j, FirstToken)
			j.phase, j.first, j.left = Decoding, m.now, units(j.Decode)
		} else if len(m.queue) > 0 && len(m.service) < m.slots {
			j := m.queue[0]
			m.queue = m.queue[1:]
			m.start(j)
		} else {
			return
		}
	}
}

func (m *model) start(j *modelJob) {
	m.report(j, Started)
	j.phase, j.started, j.left = Prefilling, m.now, units(j.Prefill)
	m.service = append(m.service, j)
}

func (m *model) arrive(now time.Duration, w Job) Outcome {
	m.advance(now)
	j := &modelJob{Job: w, arrived: now}
	switch {
	case m.down:
		return Refused
	case len(m.service) < m.slots:
		m.start(j)
		m.settle()
		return Admitted
	case len(m.queue) >= m.limit:
		return Rejected
	}
	m.queue = append(m.queue, j)
	return Queued
}

func (m *model) cancel(now time.Duration, tag uint64) bool {
	m.advance(now)
	for _, j := range slices.Concat(m.queue, m.service) {
		if j.Tag == tag {
			m.end(j, Cancelled)
			m.settle()
			return true
		}
	}
	return false
}

func (m *model) setDown(now time.Duration, down bool) {
	m.advance(now)
	if down {
		// Admission is in order of arrival, so service comes before the queue.
		for _, j := range slices.Concat(m.service, m.queue) {
			m.end(j, Failed)
		}
	}
	m.down = down
}

func (m *model) end(j *modelJob, k Kind) {
	m.report(j, k)
	is := func(o *modelJob) bool { return o == j }
	m.queue = slices.DeleteFunc(slices.Clone(m.queue), is)
	m.service = slices.DeleteFunc(slices.Clone(m.service), is)
}

func (m *model) report(j *modelJob, k Kind) {
	t := Transition{Kind: k, From: j.phase, Tag: j.Tag, At: m.now, Arrived: j.arrived, Started: m.now, First: m.now}
	if j.phase >= Prefilling {
		t.Started = j.started
	}
	if j.phase == Decoding {
		t.First = j.first
	}
	m.out = append(m.out, t)
}
