package site

import (
	"math/bits"
	"time"
)

// vtime is a virtual time, or an amount of work: nanoseconds of unloaded
// service in units of 2^-32 ns, as a 128-bit integer.
type vtime struct{ hi, lo uint64 }

func work(d time.Duration) vtime {
	return vtime{uint64(d) >> 32, uint64(d) << 32}
}

// duration drops the fraction of a nanosecond.
func (v vtime) duration() time.Duration {
	return time.Duration(v.hi<<32 | v.lo>>32)
}

func (v vtime) add(w vtime) vtime {
	lo, carry := bits.Add64(v.lo, w.lo, 0)
	hi, _ := bits.Add64(v.hi, w.hi, carry)
	return vtime{hi, lo}
}

func (v vtime) sub(w vtime) vtime {
	lo, borrow := bits.Sub64(v.lo, w.lo, 0)
	hi, _ := bits.Sub64(v.hi, w.hi, borrow)
	return vtime{hi, lo}
}

func (v vtime) times(n uint64) vtime {
	hi, lo := bits.Mul64(v.lo, n)
	return vtime{hi + v.hi*n, lo}
}

func (v vtime) less(w vtime) bool {
	return v.hi < w.hi || v.hi == w.hi && v.lo < w.lo
}

// due is when a job reaches the end of its phase.
type due struct {
	at  vtime
	seq uint64 // arrival number of the job: the order of jobs due together
	job int32
}

func (d *due) before(e *due) bool {
	if d.at != e.at {
		return d.at.less(e.at)
	}
	return d.seq < e.seq
}

// clock is the virtual time of one phase and the jobs in that phase: a binary
// heap by the virtual time at which they are due. The server's jobs hold their
// place in it, so that one can be taken out.
type clock struct {
	v    vtime
	rate uint64 // virtual units a nanosecond: the speed times 2^32
	jobs []due
	// done is the work delivered to all jobs.
	done vtime
}

// advance moves the clock by a span of real time.
func (c *clock) advance(d time.Duration) {
	hi, lo := bits.Mul64(uint64(d), c.rate)
	step := vtime{hi, lo}
	c.v = c.v.add(step)
	c.done = c.done.add(step.times(uint64(len(c.jobs))))
}

// wait is the real time, rounded up to a nanosecond, until the first job is
// due; never when there is none or the clock stands still.
func (c *clock) wait() time.Duration {
	if len(c.jobs) == 0 {
		return never
	}
	at := c.jobs[0].at
	if !c.v.less(at) {
		return 0
	}
	left := at.sub(c.v)
	if left.hi >= c.rate { // beyond 2^64 ns, or rate 0
		return never
	}
	q, r := bits.Div64(left.hi, left.lo, c.rate)
	if r > 0 {
		q++
	}
	if q == 0 || q > uint64(never) {
		return never
	}
	return time.Duration(q)
}

// least is the real time, rounded down, that work takes at the clock's rate; a
// century at most, so that sums of a few do not overflow.
func (c *clock) least(d time.Duration) time.Duration {
	const century = 100 * 365 * 24 * time.Hour
	w := work(d)
	if w.hi >= c.rate {
		return century
	}
	q, _ := bits.Div64(w.hi, w.lo, c.rate)
	return min(time.Duration(min(q, uint64(century))), century)
}

// ripe is true when the first job is due.
func (c *clock) ripe() bool {
	return len(c.jobs) > 0 && !c.v.less(c.jobs[0].at)
}

// add puts a job with the given work ahead of it on the clock.
func (c *clock) add(slab []job, id int32, w time.Duration) {
	d := due{c.v.add(work(w)), slab[id].seq, id}
	c.jobs = append(c.jobs, d)
	c.up(slab, len(c.jobs)-1, d)
}

// remove takes the job at place i off the clock.
func (c *clock) remove(slab []job, i int) {
	last := len(c.jobs) - 1
	moved := c.jobs[last]
	c.jobs = c.jobs[:last]
	if i == last {
		return
	}
	if i > 0 && moved.before(&c.jobs[(i-1)/2]) {
		c.up(slab, i, moved)
	} else {
		c.down(slab, i, moved)
	}
}

func (c *clock) up(slab []job, i int, d due) {
	for i > 0 {
		parent := (i - 1) / 2
		if !d.before(&c.jobs[parent]) {
			break
		}
		c.put(slab, i, c.jobs[parent])
		i = parent
	}
	c.put(slab, i, d)
}

func (c *clock) down(slab []job, i int, d due) {
	for {
		child := 2*i + 1
		if child >= len(c.jobs) {
			break
		}
		if child+1 < len(c.jobs) && c.jobs[child+1].before(&c.jobs[child]) {
			child++
		}
		if !c.jobs[child].before(&d) {
			break
		}
		c.put(slab, i, c.jobs[child])
		i = child
	}
	c.put(slab, i, d)
}

func (c *clock) put(slab []job, i int, d due) {
	c.jobs[i] = d
	slab[d.job].place = int32(i)
}
