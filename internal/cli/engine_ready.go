package cli

import (
	"encoding/json"
	"io"
	"net"
	"os"
	"time"

	"tierlab/bench/shapes"
	"tierlab/engine/backend"
	"tierlab/engine/model"
)

// readiness is what a server says once it can answer. Its listener takes
// connections from then on at the latest.
type readiness struct {
	URL    string         `json:"url"`
	PID    int            `json:"pid"`
	Engine engineNote     `json:"engine"`
	Vocab  int            `json:"vocabulary"`
	Phases []shapes.Phase `json:"phases"`
}

// tellReady writes the ready file, if one is asked for. Loaded is how long the
// model took to open.
func (o *engineServeOptions) tellReady(l *localEngine, m *loadedModel, addr net.Addr, loaded time.Duration) error {
	if o.ready == "" {
		return nil
	}
	r := readiness{
		URL: "http://" + addr.String(), PID: os.Getpid(), Engine: o.engine.note(l, m.config), Vocab: l.Caps().Vocab,
		Phases: []shapes.Phase{{Name: "model", Ms: millisOf(loaded)}},
	}
	for _, p := range l.phases {
		r.Phases = append(r.Phases, shapes.Phase{Name: p.Name, Ms: millisOf(p.Took)})
	}
	return writeOutput(o.ready, Stdio{}, func(w io.Writer) error { return json.NewEncoder(w).Encode(&r) })
}

// engineNote is what a result says of the engine.
type engineNote struct {
	Backend     string  `json:"backend"`
	Model       string  `json:"model"`
	Kernels     string  `json:"kernels"`
	Threads     int     `json:"threads"`
	Slots       int     `json:"slots"`
	Budget      int     `json:"budget_tokens"`
	Queue       int     `json:"queue"`
	StallMs     float64 `json:"stall_ms"`
	Context     int     `json:"context_tokens"`
	BlockTokens int     `json:"block_tokens"`
	CacheTokens int     `json:"cache_tokens"`
}

func (o *engineOptions) note(l *localEngine, m model.Config) engineNote {
	caps := l.Caps()
	return engineNote{
		Backend: deviceOf(caps), Model: m.Name, Kernels: caps.Kernels, Threads: caps.Threads,
		Slots: caps.Slots, Budget: caps.Budget, Queue: o.queue, StallMs: millisOf(o.stall), Context: l.Context(),
		BlockTokens: caps.BlockTokens, CacheTokens: caps.Blocks * caps.BlockTokens,
	}
}

// deviceOf names a backend and what it computes in, as "cpu:bf16".
func deviceOf(caps backend.Caps) string { return caps.Name + ":" + caps.Numerics }
