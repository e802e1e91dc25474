package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"tierlab/reference/topology"
	"tierlab/sim"
	"tierlab/sim/steptime"
)

// engineFidelityOptions are what only the engine fidelity knows.
type engineFidelityOptions struct {
	stepTimes []string
	retain    string
}

func (o *engineFidelityOptions) bind(f *pflag.FlagSet) {
	f.StringArrayVar(&o.stepTimes, "steptime", nil, "at the engine fidelity, `[MODEL=]FILE`: serve the topology's MODEL (by default the profile's own) by an engine that was measured, as tierlab calibrate writes it")
	f.StringVar(&o.retain, "retain", "0", "at the engine fidelity, ask sites to keep a session's context for this `duration` over its tool calls; auto: as long as nine in ten tool calls take")
}

func (o *engineFidelityOptions) readRetain() (time.Duration, error) {
	switch o.retain {
	case "", "0":
		return 0, nil
	case "auto":
		return sim.AutoRetain, nil
	}
	d, err := time.ParseDuration(o.retain)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("--retain: %q is neither auto nor a duration such as 30s", o.retain)
	}
	return d, nil
}

// readStepTimes reads the profiles and finds the models that they serve.
func (o *engineFidelityOptions) readStepTimes(w *topology.World) (map[topology.ModelID]*steptime.Profile, error) {
	all := map[topology.ModelID]*steptime.Profile{}
	for _, given := range o.stepTimes {
		name, file, named := strings.Cut(given, "=")
		if !named {
			name, file = "", given
		}
		f, err := os.Open(file)
		if err != nil {
			return nil, badInputf("--steptime: %w", err)
		}
		p, err := steptime.Read(f, file)
		f.Close()
		if err != nil {
			return nil, badInputf("--steptime: %w", err)
		}
		if !named {
			name = p.Model
		}
		id := w.ModelByName(name)
		if id == topology.None {
			return nil, badInputf("--steptime: topology %q has no model %q: name one of its models, as in MODEL=%s", w.Name, name, file)
		}
		if all[id] != nil {
			return nil, badInputf("--steptime: two profiles for model %q", name)
		}
		all[id] = p
	}
	return all, nil
}

// describe says, for a run's header, how long iterations take and what is kept.
func (o *engineFidelityOptions) describe(w *topology.World, profiles map[topology.ModelID]*steptime.Profile) string {
	text := "step times by roofline"
	for _, id := range slices.Sorted(maps.Keys(profiles)) {
		p := profiles[id]
		text += fmt.Sprintf(", of %s by profile (%s, %s, %s, %s)", w.Models[id].Name, p.Engine, p.Backend, p.Model, p.Date)
	}
	if o.retain != "" && o.retain != "0" {
		text += ", contexts kept over tool calls: " + o.retain
	}
	return text
}
