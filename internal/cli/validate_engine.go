package cli

import (
	"fmt"

	"tierlab/bench/validate"
	"tierlab/engine"
	"tierlab/engine/kv"
	"tierlab/sim/steptime"
	"tierlab/workloads"
)

// starter starts engines for a validation.
type starter struct {
	options  *validateOptions
	profile  *steptime.Profile
	recorded *workloads.Library
	variants []variant
	show     *progress
	about    engineNote // of the first
}

// start starts an engine with the settings of a variant, or its own for -1.
func (s *starter) start(v int) (*validate.Server, error) {
	o := s.options.engine.engineOptions
	retain := s.options.retain
	if v >= 0 {
		o, retain = s.variants[v].engineOptions, s.variants[v].retain
		o.trace = "" // the file is of the loads
	}
	s.show.Update("loading %s", o.model.model)
	seen := &validate.Iterations{Model: s.profile.Linear()}
	b, err := o.listen(func(next engine.Observer) engine.Observer {
		seen.Next = next
		return seen
	})
	if err != nil {
		return nil, err
	}
	caps := b.Caps()
	scheduling := o.scheduling()
	scheduling.Slots, scheduling.Budget, scheduling.Context, scheduling.Depth = caps.Slots, caps.Budget, b.Context(), caps.Depth
	server := &validate.Server{
		Settings: validate.Settings{
			Sched: scheduling, KV: kv.Config{Blocks: caps.Blocks, BlockTokens: caps.BlockTokens, KeepBlocks: keepBlocks(caps)},
			Retain: retain,
		},
		Target: b.Target, Vocab: caps.Vocab, Iterations: seen, Close: b.Close,
	}
	if v < 0 {
		s.about = o.note(b.localEngine, b.model)
	}
	if err := s.fits(b.Context()); err != nil {
		b.Close()
		return nil, err
	}
	return server, nil
}

// fits refuses contexts that the engine cannot hold.
func (s *starter) fits(context int) error {
	lib, err := scaled(s.recorded, s.options.scale)
	if err != nil {
		return err
	}
	longest := validate.Longest(lib)
	if longest <= context {
		return nil
	}
	hint := "none fits"
	if f := validate.Fits(s.recorded, context); f > 0 {
		hint = fmt.Sprintf("--token-scale %.2g fits", f)
	}
	return badInputf("workload %q: its longest context has %s tokens, the engine holds %s: %s",
		lib.Header.Name, thousands(longest), thousands(context), hint)
}
