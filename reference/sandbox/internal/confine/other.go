//go:build !linux

package confine

import (
	"os/exec"
	"runtime"
)

// Plan is how children are started.
type Plan struct{ Config Config }

// Prepare fails where c requires a layer: there is none on this system.
func Prepare(c Config) (*Plan, error) {
	for _, o := range absent() {
		if err := c.missing(o); err != nil {
			return nil, err
		}
	}
	return &Plan{c}, nil
}

// Command makes cmd start with no more of an environment than it names.
func (p *Plan) Command(cmd *exec.Cmd) {
	if cmd.Env == nil {
		cmd.Env = []string{}
	}
}

// Apply reports that no layer is there.
func Apply(c Config) (Report, error) {
	r := absent()
	for _, o := range r {
		if err := c.missing(o); err != nil {
			return r, err
		}
	}
	return r, nil
}

// Probe reports that no layer is there.
func Probe() Report { return absent() }

func absent() (r Report) {
	for _, l := range Layers() {
		r = append(r, Outcome{Layer: l, Detail: "not on " + runtime.GOOS})
	}
	return r
}
