package sim

import (
	"time"

	"tierlab/reference/topology"
)

// window is the part of a run that counts: it opens when the warm-up is over,
// takes the next Config.Sessions arrivals, and closes for load figures with
// the last of them. Load goes on until all of them have finished.
type window struct {
	warm     time.Duration
	want     int
	admitted int
	opened   time.Duration
	closed   time.Duration // of the last admission; 0: still open

	// Integrals over the window of slots in use (by tier) and of waiting
	// requests (in all), and the marks they have reached.
	running [topology.Tiers]int32
	queued  int32
	mark    time.Duration
	busy    [topology.Tiers]time.Duration
	halves  []queueSample
}

// queueSample is the integral of waiting requests up to an admission.
type queueSample struct {
	at   time.Duration
	area time.Duration // requests x time
}

func newWindow(cfg *Config) window {
	return window{warm: cfg.WarmUp, want: cfg.Sessions, opened: -1}
}

// admit says whether an arrival is measured.
func (w *window) admit(now time.Duration) bool {
	if now < w.warm || w.admitted >= w.want {
		return false
	}
	if w.admitted == 0 {
		w.pass(now)
		w.opened = now
		w.busy = [topology.Tiers]time.Duration{}
	}
	w.admitted++
	w.sample(now)
	if w.admitted == w.want {
		w.closed = max(now, 1)
	}
	return true
}

// pass brings the integrals up to now.
func (w *window) pass(now time.Duration) {
	d := now - w.mark
	w.mark = now
	if w.closed != 0 {
		return
	}
	for t := range w.busy {
		w.busy[t] += d * time.Duration(w.running[t])
	}
	if n := len(w.halves); n > 0 {
		w.halves[n-1].area += d * time.Duration(w.queued)
	}
}

// maxSamples bounds the samples of the queue integral: when they are full,
// neighbours are joined.
const maxSamples = 512

// sample starts a new stretch of the queue integral.
func (w *window) sample(now time.Duration) {
	w.pass(now)
	if len(w.halves) == maxSamples {
		for i := range maxSamples / 2 {
			w.halves[i] = queueSample{at: w.halves[2*i].at, area: w.halves[2*i].area + w.halves[2*i+1].area}
		}
		w.halves = w.halves[:maxSamples/2]
	}
	w.halves = append(w.halves, queueSample{at: now})
}

// load takes note of a replica's change of load.
func (w *window) load(now time.Duration, t topology.Tier, running, queued int32) {
	w.pass(now)
	w.running[t] += running
	w.queued += queued
}

// device takes note of a device's work, which loads no replica.
func (w *window) device(work time.Duration) {
	if w.opened >= 0 && w.closed == 0 {
		w.busy[topology.Device] += work
	}
}

// complete says that every measured session is over.
func (w *window) complete(t *Totals) bool { return w.want > 0 && t.Measured >= w.want }

// close writes the window's figures into the totals.
func (w *window) close(p *point) {
	end := w.closed
	if end == 0 {
		w.pass(p.now)
		end = p.now
	}
	if w.opened < 0 || end <= w.opened {
		return
	}
	length := end - w.opened
	p.totals.Window = length
	for t := range w.busy {
		p.totals.Busy[t] += w.busy[t]
	}
	middle := w.opened + length/2
	var first, last time.Duration
	for _, s := range w.halves {
		if s.at < middle {
			first += s.area
		} else {
			last += s.area
		}
	}
	half := float64(length) / 2
	p.totals.QueuedFirst, p.totals.QueuedLast = float64(first)/half, float64(last)/half
}
