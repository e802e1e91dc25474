package trace

import (
	"time"

	"tierlab/engine/kv"
	"tierlab/engine/sched"
)

// Schema names the format.
const Schema = "tierlab-trace/v1"

// Engine is the run's first record: what was scheduled for.
type Engine struct {
	Backend  string `json:"backend"`
	Model    string `json:"model"`
	Numerics string `json:"numerics"`
	Kernels  string `json:"kernels,omitempty"`
	Threads  int    `json:"threads,omitempty"`

	Blocks      int `json:"blocks"`
	BlockTokens int `json:"block_tokens"`
	KeepBlocks  int `json:"keep_blocks,omitempty"`

	Slots   int           `json:"slots"`
	Budget  int           `json:"budget"` // tokens
	Queue   int           `json:"queue,omitempty"`
	Context int           `json:"context"` // tokens
	Depth   int           `json:"depth,omitempty"`
	Stall   time.Duration `json:"stall_ns,omitempty"`
	Aging   time.Duration `json:"aging_ns,omitempty"`
	Share   time.Duration `json:"share_ns,omitempty"`
	Burst   time.Duration `json:"burst_ns,omitempty"`
	Lead    time.Duration `json:"lead_ns,omitempty"`
}

// Cache is the configuration of the run's cache.
func (e Engine) Cache() kv.Config {
	return kv.Config{Blocks: e.Blocks, BlockTokens: e.BlockTokens, KeepBlocks: e.KeepBlocks}
}

// Sched is the configuration of the run's scheduler.
func (e Engine) Sched() sched.Config {
	return sched.Config{
		Slots: e.Slots, Budget: e.Budget, Queue: e.Queue, Context: e.Context, Depth: e.Depth, Stall: e.Stall,
		Aging: e.Aging, Share: e.Share, Burst: e.Burst, Lead: e.Lead, Tables: true,
	}
}

// With is the record with the configurations of the run.
func (e Engine) With(cache kv.Config, s sched.Config) Engine {
	e.Blocks, e.BlockTokens, e.KeepBlocks = cache.Blocks, cache.BlockTokens, cache.KeepBlocks
	e.Slots, e.Budget, e.Queue, e.Context, e.Depth, e.Stall = s.Slots, s.Budget, s.Queue, s.Context, s.Depth, s.Stall
	e.Aging, e.Share, e.Burst, e.Lead = s.Aging, s.Share, s.Burst, s.Lead
	return e
}

// Kind is what a record is about.
type Kind string

// The kinds of records.
const (
	KindEngine Kind = "engine"
	KindAdd    Kind = "add"
	KindCancel Kind = "cancel"
	KindIdle   Kind = "idle"
	KindPlan   Kind = "plan"
	KindCommit Kind = "commit"
)

// Record is one call. Which fields are set follows from its kind.
type Record struct {
	Kind Kind
	At   time.Duration // since the engine's start
	Line int           // of the file, from 1

	Engine  Engine        // engine
	Request sched.Request // add; its chain is salted with the tenant's number
	Prompt  []int32       // add
	Refused string        // add: why, "" if it was let in
	Plan    sched.Plan    // plan: ID, Rows without NewBlocks, Copies and Shape
	Tables  string        // plan: the digest of the rows' blocks
	ID      uint64        // cancel: of the request
	Outcome sched.Outcome // commit
}
