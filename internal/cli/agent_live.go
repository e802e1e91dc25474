package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"tierlab/reference/agent"
	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/reference/router"
	"tierlab/reference/session"
	"tierlab/reference/tools/mcp"
	"tierlab/reference/topology"
	"tierlab/workloads"
)

// sessionOwner is this program's name as the owner of sessions in a folder,
// whose lock keeps a second process out.
const sessionOwner = "tierlab"

// liveAgent is a session at work.
type liveAgent struct {
	o     agentRunOptions
	stdio Stdio
	lines *agentLines
	model *agentModel
	world *topology.World
	pool  lazyPool
	rt    *session.Runtime
	// servers are those of --mcp, nil before they are connected.
	servers *mcp.Servers
	spec    session.Spec
}

// runAgent begins a session, or goes on with it, until it has ended.
func runAgent(ctx context.Context, o agentRunOptions, stdio Stdio, quiet bool) (err error) {
	store, err := o.folder.create()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	before, err := o.find(ctx, store)
	if err != nil {
		return err
	}
	if !quiet {
		o.engine.notices = stdio.Err
	}
	a := &liveAgent{o: o, stdio: stdio, lines: newAgentLines(stdio.Err, quiet)}
	if before != nil && before.Status != "" {
		a.spec = before.Spec
		a.lines.say("%s has ended before; this is what it came to", o.session)
		return a.result(before)
	}
	if err := a.assemble(ctx, store, before); err != nil {
		return errors.Join(err, a.close())
	}
	return errors.Join(a.live(ctx, before), a.close())
}

// find is the session as it is, nil for a new one. What the command line leaves
// open is as it was.
func (o *agentRunOptions) find(ctx context.Context, store journal.Store) (*session.View, error) {
	if o.session == "" {
		names, err := sessionNames(ctx, store)
		if err != nil {
			return nil, err
		}
		o.session = freeName("s", names)
		return nil, nil
	}
	v, err := session.Rebuild(ctx, store, o.session, session.To{})
	switch {
	case errors.Is(err, journal.ErrUnknown):
		return nil, nil
	case err != nil:
		return nil, err
	case v.Spec.Recorded != nil:
		return nil, badInputf("--session: %s replays a recording; choose another name", o.session)
	case o.task != "" && o.task != v.Spec.Task:
		return nil, badInputf("--task: session %s is there and has another task, %q: choose another --session, or leave --task out to go on",
			o.session, oneLine(v.Spec.Task, shortText))
	}
	if o.private && (v.Spec.Data == nil || !v.Spec.Data.PII) {
		return nil, badInputf("--private: session %s is there and is not private: choose another --session", o.session)
	}
	o.model = cmp.Or(o.model, v.Spec.Labels[labelModel])
	o.policy = cmp.Or(o.policy, v.Spec.Labels[labelPolicy])
	o.checkCalls = o.checkCalls || v.Spec.Labels[labelCalls] == callsChecked
	if was := v.Spec.Labels[labelTopology]; was != "" && o.topology == localTopology {
		o.topology = was
	}
	return v, nil
}

// assemble opens all that the session works with, and checks what it asks for,
// before anything begins.
func (a *liveAgent) assemble(ctx context.Context, store journal.Store, before *session.View) (err error) {
	if before != nil && before.Spec.Data != nil && before.Spec.Data.PII {
		if err := a.o.contained(); err != nil {
			return badInput(err)
		}
	}
	if a.model, err = a.o.openModel(ctx); err != nil {
		return err
	}
	if err := a.openWorld(); err != nil {
		return err
	}
	tokens := cmp.Or(a.o.maxTokens, a.model.tokens)
	route, err := agentRouter(a.world, a.o.policyText(), tokens)
	if err != nil {
		return err
	}
	budgets, err := a.o.readBudgets()
	if err != nil {
		return err
	}
	meter, err := ledger.Open(ctx, store, ledger.Config{Budgets: budgets})
	if err != nil {
		return err
	}
	reg, err := a.o.registry(&a.pool, meter)
	if err != nil {
		return err
	}
	if a.servers, err = connectServers(ctx, reg, a.o.mcp, a.stdio); err != nil {
		return err
	}
	if err := confirmed(reg, a.o.confirm); err != nil {
		return err
	}
	names, err := a.o.toolNames(a.model, reg.Names())
	if err != nil {
		return err
	}
	if a.spec = a.newSpec(names, tokens); before != nil {
		a.spec = before.Spec
	}
	if strings.TrimSpace(a.spec.Task) == "" {
		return badInputf("--task is missing: what is the agent to do?")
	}
	cfg, check := agent.DefaultConfig(), callCheck(nil)
	if a.o.checkCalls {
		cfg.Validate, check = true, checkCalls(reg, a.spec.Tools)
	}
	a.rt, err = session.New(session.Config{
		Store: store, World: a.world, Router: route, Agent: cfg, Validate: check, Home: router.HomePolicy{}, Patience: agentPatience,
		Caller: a.model, Tools: reg, Ledger: meter, Owner: sessionOwner,
		Trouble: func(id string, err error) { a.lines.say("tierlab: session %s: %s", id, oneLine(err.Error(), longText)) },
	})
	return err
}

// openWorld reads the world that the steps are routed in.
func (a *liveAgent) openWorld() error {
	price, err := a.o.price()
	if err != nil {
		return err
	}
	if a.world, err = agentWorld(a.o.topology, a.model.name, price); err != nil {
		return err
	}
	if a.o.origin != "" && a.world.OriginByName(a.o.origin) == topology.None {
		return badInputf("--origin: topology %s has no origin %q (tierlab topology show %[1]s)", a.world.Name, a.o.origin)
	}
	return nil
}

// newSpec is a new session's.
func (a *liveAgent) newSpec(names []string, tokens int) session.Spec {
	o := &a.o
	task := o.task
	if task == "" && a.model.script != nil {
		task = a.model.script.Task
	}
	var rules *workloads.DataRules
	if o.private {
		rules = &workloads.DataRules{PII: true}
	}
	labels := map[string]string{labelModel: o.model, labelTopology: o.topology, labelPolicy: o.policyText()}
	if o.checkCalls {
		labels[labelCalls] = callsChecked
	}
	return session.Spec{
		Data: rules, ID: o.session, Tenant: o.tenant, Origin: o.origin, System: o.system, Task: task, Tools: names,
		MaxTokens: tokens, Seed: o.seed, Budget: o.limits(),
		Labels: labels,
	}
}

// live runs the session to its end, or to where it has to stop.
func (a *liveAgent) live(ctx context.Context, before *session.View) error {
	a.introduce(before)
	stop := a.rt.Watch(a.spec.ID, a.lines.notice)
	defer stop()
	waiting, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var err error
	if before == nil {
		err = a.rt.Create(ctx, a.spec)
	} else {
		for _, ask := range before.Pending {
			a.lines.asked <- ask
		}
		err = a.rt.Wake(ctx, a.spec.ID)
	}
	var ended *session.EndedError
	if err != nil && !errors.As(err, &ended) {
		return badInput(err)
	}
	go a.answerAsked(waiting, cancel)
	v, err := a.rt.Wait(waiting, a.spec.ID)
	switch {
	case err == nil:
		return a.result(v)
	case errors.Is(context.Cause(waiting), errUnanswered):
		a.leave()
		a.lines.say("%s waits for a person: tierlab session approve %[1]s%s, then tierlab agent run --session %[1]s%[2]s", a.spec.ID, a.where())
		return nil
	case ctx.Err() != nil:
		a.lines.say("interrupted: the call under way may end (interrupt again to leave at once)")
		a.leave()
		a.lines.say("%s is kept as it is; go on with: tierlab agent run --session %[1]s%s", a.spec.ID, a.where())
	}
	return err
}

// introduce says what is about to run.
func (a *liveAgent) introduce(before *session.View) {
	a.lines.say("session %s: %s", a.spec.ID, oneLine(a.spec.Task, 2*shortText))
	tools := strings.Join(a.spec.Tools, ", ")
	if tools == "" {
		tools = "none"
	}
	a.lines.say("model %s, topology %s, policy %s, tools %s", a.o.model, a.o.topology, a.o.policyText(), oneLine(tools, 2*shortText))
	if a.model.note != "" {
		a.lines.say("note: %s", a.model.note)
	}
	if before != nil {
		a.lines.say("goes on at step %d (%s, %s so far)", max(len(before.Steps), 1), count(int(before.Record), "record"), dollars(before.USD))
	}
}

// where is the flag that a further command needs to find the session.
func (a *liveAgent) where() string {
	if a.o.folder.data == defaultFolder {
		return ""
	}
	return " --data " + a.o.folder.data
}

// agentPatience is how long calls under way may take to end after an interrupt,
// and how long a journal that cannot be written is tried again.
const agentPatience = 10 * time.Second

func (a *liveAgent) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), agentPatience)
	defer cancel()
	if err := a.rt.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, session.ErrClosed) {
		a.lines.say("tierlab: %v", err)
	}
}

// close ends what the session worked with.
func (a *liveAgent) close() error {
	if a.rt != nil {
		a.leave()
	}
	err := a.pool.Close()
	if a.servers != nil {
		err = errors.Join(err, a.servers.Close())
	}
	if a.model != nil {
		err = errors.Join(err, a.model.close())
	}
	return err
}

// result shows the answer, the bill, and how to look closer.
func (a *liveAgent) result(v *session.View) error {
	if v.Answer != "" {
		if _, err := io.WriteString(visible(a.stdio.Out), v.Answer+"\n"); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	a.lines.say("%s %s: %s, %s, %s%s", v.Spec.ID, stands(v), count(len(v.Steps), "step"), count(toolCalls(v), "tool call"),
		count(v.Tokens, "token"), a.took(v))
	if bill := billLine(v, a.world); bill != "" {
		a.lines.say("bill: %s", bill)
	}
	a.lines.say("look closer: tierlab session show %s%s", v.Spec.ID, a.where())
	if v.Status != "ok" {
		return fmt.Errorf("session %s ended: %s", v.Spec.ID, v.Status)
	}
	return nil
}

// took is how long the session was at work, from its begin to its last step's
// end.
func (a *liveAgent) took(v *session.View) string {
	if len(v.Steps) == 0 {
		return ""
	}
	return " in " + lasted(v.Steps[len(v.Steps)-1].Outcome.End.D())
}
