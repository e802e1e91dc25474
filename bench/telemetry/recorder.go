package telemetry

import (
	"context"
	"sync"
	"time"
)

// DefaultInterval is the time between two readings.
const DefaultInterval = 100 * time.Millisecond

// Recorder reads the devices until it is stopped.
type Recorder struct {
	report Report
	stop   context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	joules float64 // of all devices, at the latest reading
	told   bool    // by each of them
}

// Start begins to read all devices at every interval, 0 for DefaultInterval,
// until Stop or the context's end. It never fails: without NVML the report says
// so.
func Start(ctx context.Context, interval time.Duration) *Recorder {
	l, err := openNVML()
	return start(ctx, interval, l, err)
}

func start(ctx context.Context, interval time.Duration, l library, err error) *Recorder {
	r := &Recorder{stop: func() {}, done: make(chan struct{})}
	var watched []*watch
	if err == nil {
		watched, err = watchAll(l)
		r.report.Driver = l.driver()
		if err != nil {
			l.close()
		}
	}
	if err != nil {
		r.report.Absent = err.Error()
		close(r.done)
		return r
	}
	if interval <= 0 {
		interval = DefaultInterval
	}
	ctx, r.stop = context.WithCancel(ctx)
	begin := time.Now()
	sample(watched, 0) // here, so that energy counts from Start's return at the latest
	go func() {
		defer close(r.done)
		defer l.close()
		r.record(ctx, interval, begin, watched)
	}()
	return r
}

// record reads at every tick and once more at the end.
func (r *Recorder) record(ctx context.Context, interval time.Duration, begin time.Time, watched []*watch) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for samples := 2; ; samples++ {
		select {
		case <-ticker.C:
			sample(watched, time.Since(begin))
			r.count(watched)
			continue
		case <-ctx.Done():
		}
		elapsed := time.Since(begin)
		sample(watched, elapsed)
		r.report.Samples, r.report.DurationS = samples, elapsed.Seconds()
		for i, w := range watched {
			r.report.Devices = append(r.report.Devices, w.device(i))
		}
		return
	}
}

func sample(watched []*watch, at time.Duration) {
	for _, w := range watched {
		w.sample(at.Seconds())
	}
}

// count keeps the energy of all devices for EnergyJ.
func (r *Recorder) count(watched []*watch) {
	sum, told := 0.0, len(watched) > 0
	for _, w := range watched {
		if joules, _ := w.energy(); joules != nil {
			sum += *joules
		} else {
			told = false
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.joules, r.told = sum, told
}

// EnergyJ is the energy that all devices have taken from the start to the latest
// reading, and whether each of them told. It may be asked while readings go on.
func (r *Recorder) EnergyJ() (joules float64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.joules, r.told
}

// Stop reads once more and says what was seen. Stopping twice gives the same.
func (r *Recorder) Stop() Report {
	r.stop()
	<-r.done
	return r.report
}

func watchAll(l library) ([]*watch, error) {
	devices, err := l.devices()
	if err != nil {
		return nil, err
	}
	var all []*watch
	for _, d := range devices {
		all = append(all, &watch{from: d, failed: map[string]string{}})
	}
	return all, nil
}
