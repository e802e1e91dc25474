package actors

import (
	"context"
	"errors"

	"tierlab/configs"
	"tierlab/reference/agent"
	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/journal/pebblestore"
	"tierlab/reference/ledger"
	"tierlab/reference/router"
	"tierlab/reference/session"
	"tierlab/reference/topology"
)

// Live is a runtime over a store of its own, in a world whose deployments and prices
// count while every call is answered by the engine that computes nothing, and no tool
// takes any time.
type Live struct {
	Folder  string
	World   *topology.World
	Policy  string
	Agent   agent.Config
	Budgets ledger.Budgets
	// Between, if not nil, stands between the sessions and the engine.
	Between func(hub.Caller) hub.Caller
	// Validate looks at answers if Agent.Validate is set.
	Validate func(context.Context, *hub.Call, *hub.Message) session.Checked
}

// Run has the load's sessions live, metered by a ledger, and hands over what is left of
// them before it is removed.
func (v *Live) Run(ctx context.Context, load Load, then func(*session.Runtime, journal.Store) error) (lived *Lived, err error) {
	policy, err := router.Parse(v.Policy)
	if err != nil {
		return nil, err
	}
	folder, remove, err := scratch(v.Folder, "live")
	if err != nil {
		return nil, err
	}
	defer remove()
	caller, end, err := Null(1 << 17)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, end()) }()
	if v.Between != nil {
		caller = v.Between(caller)
	}
	store, err := pebblestore.Open(folder, pebblestore.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	catalogue, err := ledger.LoadBooks(configs.FS)
	if err != nil {
		return nil, err
	}
	books, err := ledger.Open(ctx, store, ledger.Config{Budgets: v.Budgets, Catalogue: catalogue})
	if err != nil {
		return nil, err
	}
	rt, err := session.New(session.Config{
		Store: store, World: v.World, Router: router.New(router.NewTable(v.World), policy.New(), router.DefaultConfig()),
		Agent: v.Agent, Caller: caller, Ledger: books, Owner: "bench", Play: session.PlayNothing, Vocab: Vocab,
		Validate: v.Validate,
	})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rt.Close(ctx)) }()
	if lived, err = Replay(ctx, rt, load); err != nil {
		return nil, err
	}
	return lived, then(rt, store)
}
