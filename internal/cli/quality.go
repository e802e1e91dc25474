package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"tierlab/reference/topology"
)

// qualityOptions replace parts of a topology's model of success: what a claim
// about quality has to be swept over.
type qualityOptions struct {
	rho, miss, falseAlarm, fatal share
}

func (o *qualityOptions) bind(f *pflag.FlagSet) {
	f.Var(&o.rho, "rho", "how far failures are the step's own fault, 0 to 1 (default: the topology's)")
	f.Var(&o.miss, "validator-miss", "the wrong answers that the validator passes, 0 to 1 (default: the topology's)")
	f.Var(&o.falseAlarm, "validator-alarm", "the right answers that the validator refuses, 0 to 1 (default: the topology's)")
	f.Var(&o.fatal, "fatal", "the probability that an accepted error fails the session, 0 to 1 (default: the topology's)")
}

// apply returns the world with the options given. It is a world of its own, by
// its name and its digest; without options it is w.
func (o *qualityOptions) apply(w *topology.World) *topology.World {
	changed := *w
	var what []string
	for _, c := range []struct {
		name string
		from share
		to   *float64
	}{
		{"rho", o.rho, &changed.Quality.Rho},
		{"miss", o.miss, &changed.Validator.Miss},
		{"alarm", o.falseAlarm, &changed.Validator.FalseAlarm},
		{"fatal", o.fatal, &changed.Validator.Fatal},
	} {
		if c.from.given {
			*c.to = c.from.value
			what = append(what, c.name+" "+c.from.String())
		}
	}
	if len(what) == 0 {
		return w
	}
	text := strings.Join(what, ", ")
	digest := sha256.Sum256([]byte(w.Digest + " " + text))
	changed.Name, changed.Digest = fmt.Sprintf("%s (%s)", w.Name, text), hex.EncodeToString(digest[:])
	return &changed
}

// share is a flag's value from 0 to 1 that may be absent.
type share struct {
	given bool
	value float64
}

func (s *share) String() string {
	if !s.given {
		return ""
	}
	return strconv.FormatFloat(s.value, 'g', -1, 64)
}

// Set reads a number from 0 to 1.
func (s *share) Set(text string) error {
	v, err := strconv.ParseFloat(text, 64)
	if err != nil || !(v >= 0 && v <= 1) {
		return errors.New("want a number from 0 to 1")
	}
	s.given, s.value = true, v
	return nil
}

func (s *share) Type() string { return "share" }
