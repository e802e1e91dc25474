package tools

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"tierlab/internal/spell"
)

// Options bound what all tools of a registry may take. A zero field takes the
// default that is named beside it.
type Options struct {
	Timeout      time.Duration // of a tool that has none of its own; 30 s
	MaxArguments int           // bytes; 1 MiB
	MaxResult    int           // bytes of Result.Content; 1 MiB
	MaxValue     int           // bytes of one Write's value; 1 MiB
	MaxState     int64         // bytes of a session's keys and values; 64 MiB
	MaxKeys      int           // keys of a session's state; 10,000
	// MaxLeft is how many calls of one tool may have been left behind, running on
	// after their timeout, before the tool is refused; 16.
	MaxLeft int
	// Approval names tools that ask a person before each call, whatever they say
	// of themselves and whenever they are registered.
	Approval []string
	// Gate, if not nil, is asked before a call runs, one that code makes
	// included: the kill switch of a tool. Its error refuses the call.
	Gate func(tool string, c *Call) error
}

func (o Options) withDefaults() Options {
	for _, f := range []struct {
		field *int
		value int
	}{{&o.MaxArguments, 1 << 20}, {&o.MaxResult, 1 << 20}, {&o.MaxValue, 1 << 20}, {&o.MaxKeys, 10_000}, {&o.MaxLeft, 16}} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if o.MaxState == 0 {
		o.MaxState = 64 << 20
	}
	if o.Timeout == 0 {
		o.Timeout = 30 * time.Second
	}
	return o
}

// Registry is a set of tools. Its methods may be called by many goroutines.
type Registry struct {
	options Options
	late    atomic.Int64

	mu    sync.RWMutex
	tools map[string]*entry
}

// entry is a tool that was found good.
type entry struct {
	tool          Tool
	input, output *schema // output is nil for any JSON
	left          atomic.Int64
}

// NewRegistry returns an empty registry.
func NewRegistry(o Options) *Registry {
	return &Registry{options: o.withDefaults(), tools: map[string]*entry{}}
}

// maxDescription bounds what every model call would have to carry.
const maxDescription = 8 << 10

var toolName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// CheckName says what is wrong with a tool's name: it is one that the OpenAI API
// takes.
func CheckName(name string) error {
	if toolName.MatchString(name) {
		return nil
	}
	return fmt.Errorf("tool name %s: want 1 to 64 letters, digits, _ or -", quoted([]string{name}))
}

// Register adds a tool. Nothing is added unless all of it is well.
func (r *Registry) Register(t Tool) error {
	t.Approval = t.Approval || slices.Contains(r.options.Approval, t.Name)
	e, err := newEntry(t)
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.tools[t.Name] != nil {
		return fmt.Errorf("tool %s is there already: names are unique", t.Name)
	}
	r.tools[t.Name] = e
	return nil
}

func newEntry(t Tool) (*entry, error) {
	if err := CheckName(t.Name); err != nil {
		return nil, err
	}
	if err := checkTool(&t); err != nil {
		return nil, fmt.Errorf("tool %s: %w", t.Name, err)
	}
	e := &entry{tool: t}
	var err error
	if e.input, err = compile(t.Input, true); err != nil {
		return nil, fmt.Errorf("tool %s: input %w", t.Name, err)
	}
	if t.Output == nil {
		return e, nil
	}
	if e.output, err = compile(t.Output, false); err != nil {
		return nil, fmt.Errorf("tool %s: output %w", t.Name, err)
	}
	return e, nil
}

func checkTool(t *Tool) error {
	control := func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' }
	switch {
	case t.Run == nil:
		return errors.New("it has no Run")
	case t.Repeat > Pure:
		return fmt.Errorf("class of repetition %d: want Once, Keyed or Pure", t.Repeat)
	case len(t.Description) > maxDescription:
		return fmt.Errorf("description has %d bytes: at most %d are taken", len(t.Description), maxDescription)
	case !utf8.ValidString(t.Description) || strings.ContainsFunc(t.Description, control):
		return errors.New("description holds control characters or is no UTF-8")
	case t.Timeout < 0 || t.Quota.Calls < 0 || t.Quota.Bytes < 0 || !(t.USD >= 0 && t.USD < 1e9):
		return errors.New("timeout, quota or price is negative or no number")
	}
	return nil
}

// Remove takes a tool out; calls under way go on. It says whether it was there.
func (r *Registry) Remove(name string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	_, ok := r.tools[name]
	delete(r.tools, name)
	return ok
}

// Lookup is the tool of a name.
func (r *Registry) Lookup(name string) (*Tool, bool) {
	e, err := r.find(name)
	if err != nil {
		return nil, false
	}
	t := e.tool
	return &t, true
}

// Names are those of all tools, in order.
func (r *Registry) Names() []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return slices.Sorted(maps.Keys(r.tools))
}

// Definitions are what a model is told of the named tools, in order of name
// whatever that of names: a prompt that holds them is the same each time.
func (r *Registry) Definitions(names []string) ([]Definition, error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	list := make([]Definition, 0, len(names))
	for _, name := range names {
		e, err := r.find(name)
		if err != nil {
			return nil, err
		}
		list = append(list, Definition{Name: name, Description: e.tool.Description, Parameters: e.tool.Input})
	}
	return list, nil
}

func (r *Registry) find(name string) (*entry, error) {
	r.mu.RLock()
	e := r.tools[name]
	r.mu.RUnlock()
	if e == nil {
		return nil, fmt.Errorf("there is no tool %s%s", quoted([]string{name}), spell.Hint(name, r.Names()))
	}
	return e, nil
}

// Late is how many results came after their call had been given up, and were
// dropped.
func (r *Registry) Late() int64 { return r.late.Load() }

// Left is how many calls of a tool are running on after having been given up.
func (r *Registry) Left(name string) int64 {
	if e, err := r.find(name); err == nil {
		return e.left.Load()
	}
	return 0
}
