package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"tierlab/bench/actors"
	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/sandbox"
	"tierlab/reference/session"
	"tierlab/reports"
	"tierlab/workloads"
)

// agentReplayOptions say which recorded sessions live, and on what.
type agentReplayOptions struct {
	workload string
	engine   namedEngine
	topology string
	policy   string
	data     string
	sessions int
	together int
	tools    string
	scale    float64
	thinkCap time.Duration
	toolCap  time.Duration
	seed     uint64
	out      string
	force    bool
}

func newAgentReplay(g *global, stdio Stdio) *cobra.Command {
	var o agentReplayOptions
	cmd := &cobra.Command{
		Use:   "replay WORKLOAD",
		Short: "Live recorded sessions through the actors, an engine and the sandbox",
		Long: `Live recorded sessions through the durable actors of this machine: every event goes
into the journal, every model call to the engine (with the recorded answer forced
through it), every tool call as --tools says. The steps, their order, their tokens
and their tools are the recording's; the decisions are those that the simulator
runs. What is measured is reported as a simulated run is.

  --tools none    tool calls end at once
  --tools times   they take their recorded time, under --tool-cap
  --tools code    those that have code run it in the sandbox, the others end at once`,
		Example: `  tierlab agent replay embedded --engine null --sessions 20
  tierlab agent replay embedded --engine null --sessions 10 --tools times --tool-cap 1ms --out out/lived --force`,
		Args: exactly("WORKLOAD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.workload = args[0]
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return replayAgents(cmd.Context(), o, commandLine(cmd, args), stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	o.engine.flags(f, 64)
	f.Lookup("engine").DefValue, o.engine.name = backendNull, backendNull
	f.Lookup("engine").Usage = "null, which computes nothing, or `BACKEND:MODEL`, such as cpu:small"
	f.StringVar(&o.topology, "topology", localTopology, "the world in which steps are routed: a built-in `name` or a file; all its deployments are this engine")
	f.StringVar(&o.policy, "policy", "nearest", "the routing `policy`")
	f.StringVar(&o.data, "data", "", "the `folder` of the journals, kept afterwards; default: a scratch folder")
	f.IntVarP(&o.sessions, "sessions", "n", 0, "how many sessions live; the workload's are repeated (0: each once)")
	f.IntVar(&o.together, "together", 0, "how many live at once (0: all)")
	f.StringVar(&o.tools, "tools", "none", "none, times or code (`name`)")
	f.Float64Var(&o.scale, "token-scale", 1, "multiply all lengths of prompts and answers, so that they fit the engine")
	f.DurationVar(&o.thinkCap, "think-cap", time.Millisecond, "cap each person's think time (0: as recorded)")
	f.DurationVar(&o.toolCap, "tool-cap", time.Millisecond, "cap each tool call and unexplained gap (0: as recorded)")
	f.Uint64Var(&o.seed, "seed", 1, "of token ids and backoffs")
	f.StringVarP(&o.out, "out", "o", "", "the `folder` to write, with the record and the report")
	f.BoolVar(&o.force, "force", false, "replace the folder when it holds an earlier run")
	return cmd
}

func (o *agentReplayOptions) validate() error {
	switch {
	case o.sessions < 0 || o.together < 0:
		return errors.New("--sessions and --together cannot be negative")
	case o.tools != "none" && o.tools != "times" && o.tools != "code":
		return fmt.Errorf("--tools is %q: it is none, times or code", o.tools)
	case !(o.scale > 0 && o.scale <= 1):
		return fmt.Errorf("--token-scale is %g: it lies above 0 and up to 1", o.scale)
	case o.thinkCap < 0 || o.toolCap < 0:
		return errors.New("--think-cap and --tool-cap cannot be negative")
	case o.force && o.out == "":
		return errors.New("--force needs --out")
	case o.engine.name == backendNull:
		return nil
	}
	return o.engine.validate()
}

// livedRun is a replay by actors.
type livedRun struct {
	o     *agentReplayOptions
	lib   *workloads.Library
	show  *progress
	dir   *outDir
	pool  *sandbox.Pool
	sinks pointSink
}

func replayAgents(ctx context.Context, o agentReplayOptions, command []string, stdio Stdio, show *progress) error {
	r := &livedRun{o: &o, show: show}
	var err error
	if r.lib, err = readLibrary(ctx, o.workload, stdio); err != nil {
		return err
	}
	if r.lib, err = r.lib.Scale(o.scale); err != nil {
		return badInput(err)
	}
	if o.sessions == 0 {
		o.sessions = len(r.lib.Sessions)
	}
	if o.out != "" {
		if r.dir, err = newOutDir(o.out, o.force, command); err != nil {
			return err
		}
		defer r.dir.drop()
	}
	lived, point, err := r.run(ctx)
	if err != nil {
		return err
	}
	show.Done()
	return r.report(lived, point, stdio)
}

// run lives the sessions.
func (r *livedRun) run(ctx context.Context) (*actors.Lived, *reports.Point, error) {
	o := r.o
	caller, vocab, err := r.caller()
	if err != nil {
		return nil, nil, err
	}
	defer caller.close()
	w, err := agentWorld(o.topology, caller.name, nil)
	if err != nil {
		return nil, nil, err
	}
	if o.topology == localTopology { // the engine holds the contexts, which has been checked
		w.Models[0].ContextTokens = max(w.Models[0].ContextTokens, longestContext(r.lib)+longestAnswer(r.lib))
	}
	route, err := agentRouter(w, o.policy, longestAnswer(r.lib))
	if err != nil {
		return nil, nil, err
	}
	if o.tools == "code" {
		if r.pool, err = sandbox.NewPool(sandbox.Config{}); err != nil {
			return nil, nil, err
		}
		defer r.pool.Close()
	}
	store, remove, err := r.store()
	if err != nil {
		return nil, nil, err
	}
	defer remove()
	cfg := agent.DefaultConfig()
	cfg.ThinkCap, cfg.ToolCap = o.thinkCap, o.toolCap
	rt, err := session.New(session.Config{
		Store: store, World: w, Router: route, Agent: cfg, Caller: caller, Owner: sessionOwner,
		Play: r.play(&cfg), Vocab: vocab, Seed: o.seed,
	})
	if err != nil {
		return nil, nil, err
	}
	r.sinks = pointSink{collector: reports.NewCollector()}
	if r.dir != nil {
		r.sinks.recorder = newRecorder(r.dir.path("record.jsonl"), r.lib)
	}
	lived, err := actors.Replay(ctx, rt, actors.Load{
		Library: r.lib, Sessions: o.sessions, Together: o.together, Name: "s", Sink: &r.sinks,
		Progress: func(ended, of int) { r.show.Update("%d of %d sessions have ended", ended, of) },
	})
	leave, cancel := context.WithTimeout(context.Background(), agentPatience)
	defer cancel()
	if err = errors.Join(err, rt.Close(leave)); err != nil {
		return nil, nil, err
	}
	run := r.describe(w.Name, w.Digest, lived)
	point, err := r.sinks.collector.Finish(reports.Conditions{Run: run, Window: workloads.Millis(lived.Took)})
	if err == nil && r.sinks.recorder != nil {
		err = r.sinks.recorder.close(run)
	}
	return lived, point, err
}

func (r *livedRun) play(cfg *agent.Config) func(*workloads.Tool) session.Play {
	switch r.o.tools {
	case "times":
		return session.PlayTimes(cfg)
	case "code":
		return actors.Code(r.pool)
	}
	return session.PlayNothing
}

// store is the journals' folder, and what closes it.
func (r *livedRun) store() (journal.Store, func() error, error) {
	folder := sessionFolder{data: r.o.data}
	scratch := r.o.data == ""
	if scratch {
		dir, err := os.MkdirTemp("", "tierlab-replay-*")
		if err != nil {
			return nil, nil, err
		}
		folder.data = filepath.Join(dir, "sessions")
	}
	store, err := folder.create()
	if err != nil {
		return nil, nil, err
	}
	return store, func() error {
		err := store.Close()
		if scratch {
			err = errors.Join(err, os.RemoveAll(filepath.Dir(folder.data)))
		}
		return err
	}, nil
}

// caller is the engine, and how many token ids it knows.
func (r *livedRun) caller() (*agentModel, int, error) {
	longest := longestContext(r.lib)
	if r.o.engine.name == backendNull {
		c, end, err := actors.Null(longest)
		return &agentModel{Caller: c, name: backendNull, close: end}, actors.Vocab, err
	}
	r.show.Update("loading %s", r.o.engine.model.model)
	m, err := r.o.engine.load()
	if err != nil {
		return nil, 0, err
	}
	l, err := r.o.engine.start(m, nil)
	if err != nil {
		return nil, 0, err
	}
	if context := l.Context(); longest > context {
		return nil, 0, errors.Join(badInputf("workload %q: its longest context has %s tokens, the engine holds %s: --token-scale %.2g fits",
			r.lib.Header.Name, thousands(longest), thousands(context), r.o.scale*float64(context)/float64(longest+8)), l.Close())
	}
	e, err := hub.NewEngine(hub.EngineConfig{Engine: l.Engine, Model: m.config.Name})
	if err != nil {
		return nil, 0, errors.Join(err, l.Close())
	}
	return &agentModel{Caller: e, name: m.config.Name, close: e.Close}, l.Caps().Vocab, nil
}
