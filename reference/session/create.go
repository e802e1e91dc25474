package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tierlab/internal/rng"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/ledger"
	"tierlab/reference/topology"
)

// Create begins a session, and returns when its begin is durable.
func (rt *Runtime) Create(ctx context.Context, spec Spec) error {
	c, err := rt.begin(&spec)
	if err != nil {
		return err
	}
	head, err := rt.cfg.Store.Head(ctx, spec.ID)
	switch {
	case err == nil && head.Seq > 0: // without a record, a process died before it wrote the first
		return &ExistsError{spec.ID}
	case err != nil && !errors.Is(err, journal.ErrUnknown):
		return err
	}
	done := make(chan error, 1)
	_, err = rt.reach(spec.ID, c, input{
		do:   func(a *actor) { a.afterwards(func(err error) { done <- err }) },
		fail: func(err error) { done <- err },
	})
	if err != nil {
		return err
	}
	select {
	case err = <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	var over *EndedError
	if errors.As(err, &over) { // it was quick
		return nil
	}
	return err
}

// checkName says what is wrong with the name of a new session.
func checkName(name string) error {
	if name == ledger.SwitchSession {
		return fmt.Errorf("session %q: the name belongs to the ledger's switches", name)
	}
	return journal.CheckSession(name)
}

// eachSession calls each with the heads of the journals that are sessions.
func eachSession(ctx context.Context, store journal.Store, each func(journal.Head) error) error {
	return store.Sessions(ctx, "", func(h journal.Head) error {
		if h.Session == ledger.SwitchSession {
			return nil
		}
		return each(h)
	})
}

// begin checks a spec and makes the session's first record.
func (rt *Runtime) begin(spec *Spec) (*created, error) {
	if err := checkName(spec.ID); err != nil {
		return nil, err
	}
	w := rt.cfg.World
	origin := topology.OriginID(0)
	if spec.Origin != "" {
		if origin = w.OriginByName(spec.Origin); origin == topology.None {
			return nil, fmt.Errorf("session %q: origin %q is not in topology %q", spec.ID, spec.Origin, w.Name)
		}
	}
	home := rt.place(origin, spec.Data)
	if home == topology.None {
		return nil, fmt.Errorf("session %q: topology %q has no site where its data may live", spec.ID, w.Name)
	}
	c := &created{
		Spec: *spec, Config: rt.cfg.Agent, Loops: rt.cfg.Loops, Origin: w.Origins[origin].Name,
		Key:  uint64(rng.New(spec.Seed, 0).For(rng.Service).FoldString(spec.ID)) | 1,
		Home: place{w.Sites[home].Name, uint8(w.Sites[home].Tier)},
	}
	if spec.Recorded != nil {
		return c, rt.beginRecorded(c)
	}
	return c, rt.beginOpen(c)
}

func (rt *Runtime) beginRecorded(c *created) error {
	spec := &c.Spec
	if spec.Task != "" || spec.System != "" || len(spec.Tools) > 0 {
		return fmt.Errorf("session %q: it is recorded, and has a task, a system prompt or tools of its own as well", spec.ID)
	}
	for i := range spec.Recorded.Steps {
		name := spec.Recorded.Steps[i].LLM.Pin
		if name == "" || slices.ContainsFunc(c.Pinned, func(k kindred) bool { return k.Name == name }) {
			continue
		}
		m := rt.cfg.World.ModelByName(name)
		if m == topology.None {
			return fmt.Errorf("session %q: step %q pins model %q, which topology %q does not have",
				spec.ID, spec.Recorded.Steps[i].ID, name, rt.cfg.World.Name)
		}
		c.Pinned = append(c.Pinned, kindred{name, rt.cfg.World.Models[m].Frontier})
	}
	trial := life{created: *c}
	trial.atlas.begin(c)
	_, err := trial.begin()
	return err
}

func (rt *Runtime) beginOpen(c *created) error {
	spec := &c.Spec
	if strings.TrimSpace(spec.Task) == "" {
		return fmt.Errorf("session %q: it has no task", spec.ID)
	}
	call := hub.Call{Session: spec.ID, Tenant: spec.Tenant}
	for _, name := range spec.Tools {
		t, ok := rt.cfg.Tools.Lookup(name)
		if !ok {
			return fmt.Errorf("session %q: there is no tool %q", spec.ID, name)
		}
		if t.Outward && bound(spec.Data) {
			return fmt.Errorf("session %q: rules hold for where its data may go, and tool %q carries what it is given elsewhere: leave the tool out", spec.ID, name)
		}
		c.Config.ToolUSD = max(c.Config.ToolUSD, t.USD)
		call.Tools = append(call.Tools, hub.Definition{Name: t.Name, Description: t.Description, Parameters: t.Input})
	}
	if spec.System != "" {
		call.Messages = append(call.Messages, hub.Message{Role: "system", Content: spec.System})
	}
	call.Messages = append(call.Messages, hub.Message{Role: "user", Content: spec.Task})
	c.Input = max(1, rt.cfg.Caller.Count(&call))
	c.Output = spec.MaxTokens
	if c.Output <= 0 {
		c.Output = rt.cfg.MaxTokens
	}
	if most := rt.cfg.Router.View().MaxOutput; most > 0 {
		c.Output = min(c.Output, most) // what reservations are for
	}
	return nil
}
