package sandbox

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"tierlab/reference/sandbox/internal/border"
	"tierlab/reference/sandbox/internal/confine"
)

// Config is how a pool is set up. A zero field takes its default.
type Config struct {
	// Workers is the number of children: GOMAXPROCS. Each holds one program at a
	// time.
	Workers int
	// Queue is how many runs may wait for a child: 16,384. One more gets ErrBusy.
	Queue int
	// PerSession is how many children the runs of one session may hold: half of
	// Workers, and at least one.
	PerSession int
	// Limits are every run's default and the most that it may ask for.
	Limits Limits
	// Cache is the folder that keeps QuickJS compiled for this machine, so that a
	// child starts without compiling it: tierlab in the user's cache folder.
	// "off" keeps nothing. Whoever may write there can have a child run their
	// code, so it is made readable for the user alone.
	Cache string
	// Runs is after how many programs a child is replaced: 10,000; Resident at
	// how many bytes of memory: twice Limits.Memory and 128 MiB.
	Runs     int
	Resident int64
	// Required names the layers of confinement (see Pool.Confinement) without
	// which there is no pool. Without it a pool takes what the system gives.
	Required []string
}

// DefaultLimits are the limits of a run where the pool's configuration leaves
// them out.
var defaultLimits = Limits{
	Wall:      2 * time.Second,
	Memory:    64 << 20,
	Stack:     256 << 10,
	Output:    256 << 10,
	HostCalls: 100,
	HostBytes: 4 << 20,
}

// The most of what a run hands over, in bytes.
const (
	maxSource   = 32 << 20
	maxInput    = 32 << 20
	maxHosts    = 256
	maxHostName = 128
	// maxMemory bounds Limits.Memory: linear memory's addresses have 32 bits, and
	// the engine needs some itself.
	maxMemory = 3 << 30
	// maxOutput and maxHostBytes bound what of a run is held in this process.
	maxOutput    = 64 << 20
	maxHostBytes = 64 << 20
	maxStack     = border.MaxStack
)

func (c Config) withDefaults() (Config, error) {
	c.Limits = c.Limits.or(defaultLimits)
	switch l := c.Limits; {
	case l.Wall < 0 || l.Memory < 0 || l.Stack < 0 || l.Output < 0 || l.HostCalls < 0 || l.HostBytes < 0:
		return c, &ConfigError{"a limit below zero"}
	case l.Memory > maxMemory:
		return c, badConfig("a memory of %d bytes; at most %d are possible", l.Memory, int64(maxMemory))
	case l.Stack > maxStack:
		return c, badConfig("a stack of %d bytes; at most %d are possible", l.Stack, maxStack)
	case l.Output > maxOutput || l.HostBytes > maxHostBytes:
		return c, badConfig("output of %d and host calls of %d bytes; at most %d each are possible", l.Output, l.HostBytes, maxOutput)
	case c.Workers < 0 || c.Queue < 0 || c.PerSession < 0 || c.Runs < 0 || c.Resident < 0:
		return c, &ConfigError{"a number of workers, of waiting runs, of runs in a child or of bytes below zero"}
	}
	c.Workers = either(c.Workers, runtime.GOMAXPROCS(0))
	c.Queue = either(c.Queue, 1<<14)
	c.PerSession = either(c.PerSession, max(1, c.Workers/2))
	c.Runs = either(c.Runs, 10_000)
	c.Resident = either(c.Resident, 2*c.Limits.Memory+128<<20)
	for _, name := range c.Required {
		if !slices.Contains(confine.Layers(), confine.Layer(name)) {
			return c, badConfig("no layer of confinement is called %q; there are %v", name, confine.Layers())
		}
	}
	var err error
	if c.Cache, err = cacheFolder(c.Cache); err != nil {
		return c, fmt.Errorf("sandbox: the cache of compiled modules: %w", err)
	}
	return c, nil
}

// goMemory is what a child's Go runtime may take beside a program's memory: its
// heap in pieces of 64 MiB, compiled code, and the engines' native stacks.
const goMemory = 512 << 20

// confinement is what children of a language give up.
func (c *Config) confinement(l Language) confine.Config {
	how := confine.Config{Memory: c.Limits.Memory + goMemory, MakesCode: l == Wasm}
	if raceDetector {
		how.Without = []confine.Layer{confine.Rlimits, confine.Seccomp}
	}
	for _, name := range c.Required {
		how.Required = append(how.Required, confine.Layer(name))
	}
	return how
}

// cacheFolder makes the folder and returns its path, "" for none. Without a
// place for a user's caches there is none.
func cacheFolder(dir string) (string, error) {
	switch dir {
	case "off":
		return "", nil
	case "":
		user, err := os.UserCacheDir()
		if err != nil {
			return "", nil
		}
		dir = filepath.Join(user, "tierlab", "wasm")
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o700)
}

// or fills zero fields from d.
func (l Limits) or(d Limits) Limits {
	l.Wall = either(l.Wall, d.Wall)
	l.Memory = either(l.Memory, d.Memory)
	l.Stack = either(l.Stack, d.Stack)
	l.Output = either(l.Output, d.Output)
	l.HostCalls = either(l.HostCalls, d.HostCalls)
	l.HostBytes = either(l.HostBytes, d.HostBytes)
	l.Fuel = either(l.Fuel, d.Fuel)
	return l
}

func either[T comparable](a, b T) T {
	var zero T
	if a == zero {
		return b
	}
	return a
}

// within says which limit asks for more than most has. Fuel that most does not
// bound may be bounded.
func (l Limits) within(most Limits) error {
	for _, f := range []struct {
		name      string
		ask, most int64
	}{
		{"Wall", int64(l.Wall), int64(most.Wall)},
		{"Memory", l.Memory, most.Memory},
		{"Stack", l.Stack, most.Stack},
		{"Output", int64(l.Output), int64(most.Output)},
		{"HostCalls", int64(l.HostCalls), int64(most.HostCalls)},
		{"HostBytes", l.HostBytes, most.HostBytes},
	} {
		if f.ask < 0 || f.ask > f.most {
			return fmt.Errorf("limit %s is %d; the pool allows 1 to %d", f.name, f.ask, f.most)
		}
	}
	if most.Fuel > 0 && l.Fuel > most.Fuel {
		return fmt.Errorf("limit Fuel is %d; the pool allows 1 to %d", l.Fuel, most.Fuel)
	}
	return nil
}

// ConfigError is a configuration that no pool can have.
type ConfigError struct{ What string }

func (e *ConfigError) Error() string { return "sandbox: " + e.What }

func badConfig(format string, args ...any) error { return &ConfigError{fmt.Sprintf(format, args...)} }

// RunError is a run that is not well formed: nothing of it was run.
type RunError struct{ What string }

func (e *RunError) Error() string { return "sandbox: " + e.What }

// check fills in a run's limits and refuses what no child should see.
func (c *Config) check(r *Run) (*Run, error) {
	checked := *r
	checked.Limits = r.Limits.or(c.Limits)
	bad := func(format string, args ...any) (*Run, error) {
		return nil, &RunError{fmt.Sprintf(format, args...)}
	}
	if err := checked.Limits.within(c.Limits); err != nil {
		return bad("%v", err)
	}
	switch {
	case r.Language != JavaScript && r.Language != Wasm:
		return bad("no language %q; there are %s and %s", r.Language, JavaScript, Wasm)
	case len(r.Source) > maxSource:
		return bad("a program of %d bytes; at most %d are possible", len(r.Source), maxSource)
	case len(r.Input) > maxInput:
		return bad("an input of %d bytes; at most %d are possible", len(r.Input), maxInput)
	case len(r.Input) > 0 && !json.Valid(r.Input):
		return bad("the input is no JSON value")
	case len(r.Hosts) > maxHosts:
		return bad("%d host functions; at most %d are possible", len(r.Hosts), maxHosts)
	case len(r.Hosts) > 0 && r.Host == nil:
		return bad("host functions are named, and nothing answers them")
	}
	for i, name := range r.Hosts {
		if name == "" || len(name) > maxHostName || slices.Contains(r.Hosts[:i], name) {
			return bad("host function %q: a name has 1 to %d bytes and occurs once", name, maxHostName)
		}
	}
	if r.Language == Wasm && !bytes.HasPrefix(r.Source, []byte("\x00asm")) {
		binary, err := base64.StdEncoding.AppendDecode(nil, bytes.TrimSpace(r.Source))
		if err != nil || !bytes.HasPrefix(binary, []byte("\x00asm")) {
			return bad("the program is no WebAssembly module, neither binary nor base64")
		}
		checked.Source = binary
	}
	return &checked, nil
}
