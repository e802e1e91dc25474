package cli

import (
	"fmt"
	"time"

	"tierlab/bench/validate"
	"tierlab/engine"
	"tierlab/engine/kv"
	"tierlab/sim/steptime"
	"tierlab/workloads"
)

// variant is a setting of the scheduler.
type variant struct {
	name   string
	change func(*engineOptions)
}

// rankedStall is the bound of the variant that has one.
const rankedStall = 50 * time.Millisecond

// variants are ten settings around the engine's own: four numbers of slots, each
// with the whole budget and with a quarter, then a stall bound, then blocks four
// times as long.
func variants(o *engineOptions) []variant {
	var all []variant
	for _, slots := range []int{o.slots, max(1, o.slots/2), max(1, o.slots/4), max(1, o.slots/8)} {
		for _, budget := range []int{o.budget, o.budget / 4} {
			budget = max(budget, slots+o.block)
			all = append(all, variant{fmt.Sprintf("slots %d, budget %d", slots, budget), func(v *engineOptions) {
				v.slots, v.budget = slots, budget
			}})
		}
	}
	block := 4 * o.block
	return append(all,
		variant{fmt.Sprintf("slots %d, stall %v", o.slots, rankedStall), func(v *engineOptions) { v.stall = rankedStall }},
		variant{fmt.Sprintf("slots %d, blocks of %d", o.slots, block), func(v *engineOptions) {
			v.block, v.budget = block, max(v.budget, v.slots+block)
		}})
}

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
	if v >= 0 {
		s.variants[v].change(&o)
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
