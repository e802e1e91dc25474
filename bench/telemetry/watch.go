package telemetry

import "math/bits"

// watch gathers the readings of one device.
type watch struct {
	from    device
	samples int
	series  [quantityCount]series
	failed  map[string]string // by quantity, NVML's words
	// joules integrates power: lastW is the reading at lastS.
	joules, lastW, lastS float64
	throttled            [64]int // samples with each bit
}

// series is what is kept of a quantity's readings.
type series struct {
	n                          int
	first, last, sum, min, max float64
}

func (s *series) add(v float64) {
	if s.n == 0 {
		s.first, s.min, s.max = v, v, v
	}
	s.n++
	s.last, s.sum = v, s.sum+v
	s.min, s.max = min(s.min, v), max(s.max, v)
}

// sample reads every quantity, at a number of seconds since the start.
func (w *watch) sample(at float64) {
	w.samples++
	for q := range quantityCount {
		v, err := w.from.read(q)
		if err != nil {
			w.failed[q.String()] = err.Error()
			continue
		}
		switch q {
		case power:
			if w.series[power].n > 0 {
				w.joules += (w.lastW + v) / 2 * (at - w.lastS)
			}
			w.lastW, w.lastS = v, at
		case throttle:
			for set := uint64(v); set != 0; set &= set - 1 {
				w.throttled[bits.TrailingZeros64(set)]++
			}
		}
		w.series[q].add(v)
	}
}

// device is what was seen.
func (w *watch) device(index int) Device {
	d := Device{Index: index, UUID: w.from.uuid(), Name: w.from.name()}
	d.PowerW, d.SMClockMHz, d.MemoryClockMHz = w.span(power), w.span(smClock), w.span(memoryClock)
	if used := w.span(memoryUsed); used != nil {
		bytes := int64(used.Max)
		d.MemoryUsedMaxBytes = &bytes
	}
	if u := w.span(utilization); u != nil {
		d.UtilizationMeanPct = &u.Mean
	}
	if t := w.span(temperature); t != nil {
		d.TemperatureMaxC = &t.Max
	}
	d.EnergyJ, d.EnergySource = w.energy()
	for bit, reason := range throttleReasons() {
		if n := w.throttled[bit]; n > 0 {
			d.Throttled = append(d.Throttled, Throttle{reason, float64(n) / float64(w.series[throttle].n)})
		}
	}
	for q := range quantityCount {
		if words, failed := w.failed[q.String()]; failed && w.series[q].n == 0 {
			if d.NotSupported == nil {
				d.NotSupported = map[string]string{}
			}
			d.NotSupported[q.String()] = words
		}
	}
	return d
}

// span is nil for a quantity that was never told.
func (w *watch) span(q quantity) *Range {
	s := w.series[q]
	if s.n == 0 {
		return nil
	}
	return &Range{Min: s.min, Mean: s.sum / float64(s.n), Max: s.max}
}

// energy is by the counter if it was told every time, and did not start again
// between; otherwise by power.
func (w *watch) energy() (joules *float64, source string) {
	if e := w.series[energy]; e.n > 1 && e.n == w.samples && e.last >= e.first {
		v := e.last - e.first
		return &v, "counter"
	}
	if w.series[power].n > 1 {
		return &w.joules, "power"
	}
	return nil, ""
}
