package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"tierlab/configs"
	"tierlab/engine/model"
	"tierlab/internal/spell"
	"tierlab/reference/hub"
)

// agentModel is what answers an agent's steps.
type agentModel struct {
	hub.Caller
	name   string      // as the local topology has it
	note   string      // what a person should know of it
	script *hub.Script // nil: it is none
	tokens int         // the usual bound on an answer
	tools  []string    // that it is given where nobody says; nil: all
	close  func() error
}

const scriptPrefix = "script:"

// openModel makes the model's caller.
func (o *agentRunOptions) openModel(ctx context.Context) (*agentModel, error) {
	switch {
	case o.model == "":
		return nil, badInputf("--model is missing: script:FILE (built in: %s), URL#NAME, a built-in shape, or a folder", strings.Join(demoNames(), ", "))
	case strings.HasPrefix(o.model, scriptPrefix):
		return openScript(strings.TrimPrefix(o.model, scriptPrefix))
	case strings.HasPrefix(o.model, "http://") || strings.HasPrefix(o.model, "https://"):
		return o.openEndpoint(ctx)
	}
	return o.openEngine()
}

// openScript reads a script by its file, or a built-in one by its name.
func openScript(name string) (*agentModel, error) {
	s, err := readScript(name)
	if err != nil {
		return nil, badInput(err)
	}
	return &agentModel{
		Caller: s, name: s.Name, script: s, tools: s.Tools, tokens: 1024, close: func() error { return nil },
		note: "a script answers for the model (" + s.Name + "): its texts are written, its tool calls are real",
	}, nil
}

func readScript(name string) (*hub.Script, error) {
	if ext := filepath.Ext(name); ext == ".yaml" || ext == ".yml" {
		return hub.ReadScript(name)
	}
	text, err := fs.ReadFile(configs.Demos, "demos/"+name+".yaml")
	if err != nil {
		return nil, fmt.Errorf("--model: no script %q is built in%s (a file ends in .yaml)", name, spell.Hint(name, demoNames()))
	}
	return hub.ParseScript("demos/"+name+".yaml", text)
}

// demoNames are the built-in scripts.
func demoNames() []string {
	files, _ := fs.Glob(configs.Demos, "demos/*.yaml") // the pattern is well formed
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(filepath.Base(f), ".yaml"))
	}
	return names
}

// openEndpoint asks a server what it serves before anything begins.
func (o *agentRunOptions) openEndpoint(ctx context.Context) (*agentModel, error) {
	url, name, ok := strings.Cut(o.model, "#")
	if !ok || name == "" {
		return nil, badInputf("--model: a server is URL#NAME, such as http://127.0.0.1:8000#small; %q names no model", o.model)
	}
	key := ""
	if o.keyEnv != "" {
		if key = os.Getenv(o.keyEnv); key == "" {
			return nil, badInputf("--key-env: the environment has no variable %s, or it is empty", o.keyEnv)
		}
	}
	e, err := hub.NewEndpoint(hub.EndpointConfig{URL: url, Model: name, Key: key})
	if err == nil {
		err = e.Connect(ctx)
	}
	if err != nil {
		return nil, badInputf("--model: %w", err)
	}
	return &agentModel{Caller: e, name: name, tokens: 1024, close: func() error { e.Close(); return nil }}, nil
}

// openEngine starts the engine in this process.
func (o *agentRunOptions) openEngine() (*agentModel, error) {
	o.engine.model.model = o.model
	m, err := o.engine.load()
	if err != nil {
		return nil, err
	}
	if m.noChat != nil {
		return nil, errors.Join(badInputf("--model: no agent without conversations: %w", m.noChat), m.source.Close())
	}
	l, err := o.engine.start(m, nil)
	if err != nil {
		return nil, err
	}
	e, err := hub.NewEngine(hub.EngineConfig{Engine: l.Engine, Model: m.config.Name, Begin: m.begin, Template: m.template})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	a := &agentModel{Caller: e, name: m.config.Name, tokens: 1024, close: e.Close}
	if _, unknown := model.Preset(o.model); unknown == nil {
		a.Caller, a.tokens, a.tools = insist{e}, 160, []string{"calculator", "run_code"}
		a.note = o.model + " has random weights: its tool calls keep to the tools' schemas and mean nothing"
	}
	return a, nil
}

// insist has random weights, which seldom call a tool and never know when they
// are done, call one in each of the first steps and answer in the next.
type insist struct{ hub.Caller }

const insistSteps = 2

func (i insist) Call(ctx context.Context, c *hub.Call) (*hub.Answer, error) {
	return i.Caller.Call(ctx, i.told(c))
}

func (i insist) Count(c *hub.Call) int { return i.Caller.Count(i.told(c)) }

func (i insist) told(c *hub.Call) *hub.Call {
	told := *c
	if told.MustCall = c.Step < insistSteps && len(c.Tools) > 0; !told.MustCall {
		told.Tools = nil
	}
	return &told
}

// toolNames are the tools that the session may call, of those that there are.
func (o *agentRunOptions) toolNames(m *agentModel, known []string) ([]string, error) {
	names := o.tools
	switch {
	case slices.Equal(names, []string{"none"}):
		return nil, nil
	case len(names) == 0 && m.tools != nil:
		names = m.tools
	case len(names) == 0:
		return known, nil
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, badInputf("--tools: there is no tool %q%s", name, spell.Hint(name, known))
		}
	}
	return names, nil
}
