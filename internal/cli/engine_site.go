package cli

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"tierlab/engine"
	"tierlab/engine/backend"
	"tierlab/engine/model"
	"tierlab/reference/gateway"
)

// site is what is served: one engine, or one on each of several GPUs.
type site struct {
	gateway.Engine
	replicas []*localEngine
	metrics  *gateway.Metrics
}

// startSite starts an engine on each device, all at once, and serves them as the
// replicas of one site. It closes the model's source.
func (o *engineOptions) startSite(m *loadedModel, name string) (*site, error) {
	defer m.source.Close()
	s := &site{replicas: make([]*localEngine, len(o.devices))}
	errs := make([]error, len(o.devices))
	var mu sync.Mutex
	observe := func(caps backend.Caps) engine.Observer {
		mu.Lock()
		defer mu.Unlock()
		if s.metrics == nil {
			s.metrics = gateway.NewMetrics(name, caps.Context)
		}
		return s.metrics.Replica()
	}
	var all sync.WaitGroup
	for i, device := range o.devices {
		all.Go(func() { s.replicas[i], errs[i] = o.startOn(m, device, o.trace, observe) })
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if len(s.replicas) == 1 {
		s.Engine = s.replicas[0].Engine
		return s, nil
	}
	engines := make([]*engine.Engine, len(s.replicas))
	for i, l := range s.replicas {
		engines[i] = l.Engine
	}
	together, err := gateway.NewSite(engines, expectedSpeed(m.config))
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Engine = together
	return s, nil
}

// Close stops the engines and completes what they write.
func (s *site) Close() error {
	var errs []error
	for _, l := range s.replicas {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	return errors.Join(errs...)
}

// What a GPU of a data center does, for the router to weigh a queue against a
// prompt that is computed again: half of an H100's rate of bf16 products and
// three quarters of its memory's bandwidth (NVIDIA's data sheet: 989 TFLOP/s and
// 3.35 TB/s).
const (
	expectedFLOPPerS  = 0.5 * 989e12
	expectedBytesPerS = 0.75 * 3.35e12
)

// expectedSpeed is what the router expects of a replica before it has run: two
// operations for each weight and token of a prompt, and a step that reads every
// weight in bf16.
func expectedSpeed(m model.Config) gateway.Speed {
	weights := float64(m.Params())
	return gateway.Speed{
		PrefillTokensPerSecond: expectedFLOPPerS / (2 * weights),
		Step:                   time.Duration(2 * weights / expectedBytesPerS * float64(time.Second)),
	}
}

// about says what computes.
func about(c backend.Caps) string {
	switch {
	case c.WeightBytes == 0:
		return c.Name + ", which computes nothing"
	case c.Threads == 0:
		return fmt.Sprintf("%s, %s by %s", c.Name, c.Numerics, c.Kernels)
	}
	return fmt.Sprintf("%s, %s by %s on %s", c.Name, c.Numerics, c.Kernels, count(c.Threads, "thread"))
}
