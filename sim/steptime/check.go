package steptime

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// Check says what is wrong with a profile: the field, and what would be right.
func (p *Profile) Check() error {
	if p.Schema != Schema {
		return fmt.Errorf("schema: %q, want %q", p.Schema, Schema)
	}
	if _, err := time.Parse(time.DateOnly, p.Date); err != nil {
		return fmt.Errorf("date: %q is not a day such as 2025-11-30", p.Date)
	}
	for _, f := range []struct{ field, text string }{
		{"engine", p.Engine}, {"backend", p.Backend}, {"model", p.Model}, {"kernels", p.Kernels}, {"machine", p.Machine},
	} {
		if strings.TrimSpace(f.text) == "" {
			return fmt.Errorf("%s: is missing or empty", f.field)
		}
	}
	if err := p.checkStep(); err != nil {
		return err
	}
	o := &p.Overhead
	for _, f := range []struct {
		field string
		ns    float64
	}{
		{"overhead.in_ns", o.In}, {"overhead.in_ns_per_token", o.InPerToken},
		{"overhead.out_ns", o.Out}, {"overhead.out_ns_per_token", o.OutPerToken},
	} {
		if err := checkNS(f.field, f.ns); err != nil {
			return err
		}
	}
	return p.checkFit()
}

func (p *Profile) checkStep() error {
	if len(p.Step) == 0 {
		return fmt.Errorf("step_ns: is missing; give nanoseconds for at least %s", Constant)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Step)) {
		if err := checkFeature("step_ns", name); err != nil {
			return err
		}
		if err := checkNS("step_ns."+name, p.Step[name]); err != nil {
			return err
		}
	}
	if l := p.Linear(); l[Constant]+l[Rows]+l[Tokens]+l[Tiles16] <= 0 {
		return fmt.Errorf("step_ns: an iteration of one token would take no time; want %s, %s, %s or %s above 0", Constant, Rows, Tokens, Tiles16)
	}
	return nil
}

// checkFit checks what the profile says of its own fit.
func (p *Profile) checkFit() error {
	for _, name := range slices.Sorted(maps.Keys(p.Measured)) {
		if err := checkFeature("measured", name); err != nil {
			return err
		}
		if r := p.Measured[name]; !(r.Low >= 0 && r.Low <= r.High) {
			return fmt.Errorf("measured.%s: from %g to %g, want 0 <= low <= high", name, r.Low, r.High)
		}
	}
	r := &p.Residual
	if r.Iterations < 1 {
		return fmt.Errorf("residual.iterations: %d, want at least 1", r.Iterations)
	}
	if !(r.R2 <= 1) {
		return fmt.Errorf("residual.r2: %g, want at most 1", r.R2)
	}
	for _, f := range []struct {
		field string
		share float64
	}{{"p50_abs_share", r.P50}, {"p90_abs_share", r.P90}, {"p99_abs_share", r.P99}, {"held_out_share", r.HeldOut}} {
		if !(f.share >= 0) {
			return fmt.Errorf("residual.%s: %g, want a share of at least 0", f.field, f.share)
		}
	}
	return nil
}

func checkFeature(field, name string) error {
	if _, ok := FeatureByName(name); !ok {
		return fmt.Errorf("%s.%s: no such feature; known are %s", field, name, strings.Join(names[:], ", "))
	}
	return nil
}

// checkNS refuses what is no time: a nanosecond count below 0 or above an hour.
func checkNS(field string, ns float64) error {
	if !(ns >= 0 && ns <= float64(time.Hour)) || math.IsNaN(ns) {
		return fmt.Errorf("%s: %g, want nanoseconds from 0 to an hour", field, ns)
	}
	return nil
}
