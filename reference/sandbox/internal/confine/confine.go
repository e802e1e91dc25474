package confine

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Layer is one of the things that hold a child.
type Layer string

// The layers, in the order in which they are applied.
const (
	Namespaces Layer = "namespaces"
	Identity   Layer = "identity"
	NoNewPrivs Layer = "no_new_privs"
	Undumpable Layer = "undumpable"
	Landlock   Layer = "landlock"
	Rlimits    Layer = "rlimits"
	Seccomp    Layer = "seccomp"
)

// Layers are all of them, in that order.
func Layers() []Layer {
	return []Layer{Namespaces, Identity, NoNewPrivs, Undumpable, Landlock, Rlimits, Seccomp}
}

// Config says what a child keeps. It travels from parent to child as JSON.
type Config struct {
	// Memory bounds the child's writable private memory in bytes (RLIMIT_DATA);
	// Go takes it in pieces of 64 MiB. 0: not bounded here.
	Memory int64 `json:"memory,omitempty"`
	// CPU bounds the processor time of the child's whole life, in whole seconds,
	// rounded up; 0: not bounded here.
	CPU time.Duration `json:"cpu,omitempty"`
	// Threads bounds its threads. It takes effect in a user namespace of the
	// child's own: without one the kernel counts all of the user's threads
	// together. 0: 64.
	Threads int `json:"threads,omitempty"`
	// MakesCode allows memory to become executable after Apply, which a compiler
	// needs. It is never writable at the same time. Without it the code that is
	// there at Apply is all there will ever be.
	MakesCode bool `json:"makes_code,omitempty"`
	// Without names layers that are left out, Required those without which
	// Prepare or Apply fails.
	Without  []Layer `json:"without,omitempty"`
	Required []Layer `json:"required,omitempty"`
}

func (c *Config) wants(l Layer) bool { return !slices.Contains(c.Without, l) }

// missing is the error where a required layer is not in force.
func (c *Config) missing(o Outcome) error {
	if o.InForce || !slices.Contains(c.Required, o.Layer) {
		return nil
	}
	return fmt.Errorf("the sandbox requires %s, which this machine does not give: %s", o.Layer, o.Detail)
}

// Outcome says of one layer whether it is in force, with what it holds, or why
// not.
type Outcome struct {
	Layer   Layer  `json:"layer"`
	InForce bool   `json:"in_force"`
	Detail  string `json:"detail,omitempty"`
}

// Report is the outcome of each layer.
type Report []Outcome

// In says whether a layer is in force.
func (r Report) In(l Layer) bool {
	return slices.ContainsFunc(r, func(o Outcome) bool { return o.Layer == l && o.InForce })
}

func (r Report) String() string {
	var b strings.Builder
	for _, o := range r {
		state := "in force"
		if !o.InForce {
			state = "not in force"
		}
		fmt.Fprintf(&b, "%s: %s", o.Layer, state)
		if o.Detail != "" {
			fmt.Fprintf(&b, " (%s)", o.Detail)
		}
		b.WriteByte('\n')
	}
	return b.String()
}
