package agent

import (
	"time"

	"tierlab/reference/router"
	"tierlab/workloads"
)

// killed adds the kill switch to a setup.
func killed(at time.Duration, setup func(*driver)) func(*driver) {
	return func(d *driver) {
		d.at(at, Event{Kind: Killed})
		if setup != nil {
			setup(d)
		}
	}
}

func killedLives() []life {
	tools := func(d *driver) {
		d.tool = func(int32, int32) (time.Duration, float64) { return 40 * ms, 0 }
	}
	return []life{{
		name:  "killed before it arrives",
		graph: graph(plain()),
		setup: killed(0, nil),
		want:  `0: finish=killed`,
	}, {
		name:  "killed in a model call",
		graph: graph(plain()),
		setup: killed(60*ms, nil),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			60: cancel(a1)
			60: done(a) finish=killed`,
		split: workloads.Split{Network: 60 * milli},
	}, {
		name:  "killed in a hedged call",
		graph: graph(plain()),
		setup: killed(60*ms, hedging),
		want: `
			0: route(a1)
			0: start(a1,met/small) hedge(a)@30
			30: start(a2,reg/small)
			60: cancel(a1) cancel(a2)
			60: done(a) finish=killed`,
		split: workloads.Split{Network: 60 * milli},
	}, {
		name:  "killed in tool calls",
		graph: graph(withTools(plain(), 2)),
		setup: killed(120*ms, tools),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: tool(a.0) tool(a.1)
			120: canceltool(a.0) canceltool(a.1)
			120: done(a) finish=killed`,
		split: workloads.Split{Network: 100 * milli, Tool: 20 * milli},
	}}
}

func killedWaitingLives() []life {
	return []life{{
		name:  "killed while a person thinks",
		graph: graph(plain(), plain(after(0, "", 50*ms, workloads.CauseHuman))),
		setup: killed(130*ms, nil),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: done(a) due(b)@150
			130: finish=killed`,
		split: workloads.Split{Network: 100 * milli, Think: 30 * milli},
	}, {
		name:  "killed in validation: the verdict is waited for, the time is not counted",
		cfg:   func(c *Config) { c.Validate = true },
		graph: graph(plain()),
		setup: killed(104*ms, func(d *driver) { d.validate = validating1(8*ms, true) }),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: validate(a1)
			108: done(a) finish=killed`,
		split: workloads.Split{Network: 100 * milli, Tool: 4 * milli},
	}, {
		name:  "killed while the final answer is stored",
		cfg:   func(c *Config) { c.CommitEach = true },
		graph: graph(plain()),
		setup: killed(113*ms, func(d *driver) {
			d.commit = func(int32) (time.Duration, float64) { return 10 * ms, 0 }
		}),
		want: `
			0: route(a1)
			0: commit(a,400)
			10: start(a1,met/small)
			110: commit(a,0)
			120: done(a) finish=killed`,
		split: workloads.Split{Network: 100 * milli, State: 13 * milli},
	}}
}

func stoppedLives() []life {
	return []life{{
		name:  "the session's deadline",
		cfg:   func(c *Config) { c.Limits.Deadline = 70 * milli },
		graph: graph(plain()),
		want: `
			0: deadline@70 route(a1)
			0: start(a1,met/small)
			70: cancel(a1)
			70: done(a) finish=budget`,
		split: workloads.Split{Network: 70 * milli},
	}, {
		name: "a graph that waits for itself",
		graph: func() *workloads.Graph {
			owner := withTools(plain(), 1)
			owner.Step.Tools[0].Spawn = []string{"b"}
			b := plain(after(0, workloads.OnToolsDone, 0, ""))
			b.Owner, b.OwnerTool = 0, 0
			return graph(owner, b)
		}(),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: done(a) finish=error`,
		split: workloads.Split{Network: 100 * milli},
	}}
}

// priced reserves usd for each attempt, of which each costs a half.
func priced(usd float64) func(*driver) {
	return func(d *driver) {
		d.route = func(int32, int32) router.Decision {
			return router.Decision{Target: target(1, 0), ReserveUSD: usd}
		}
		d.attempt = func(s, _ int32, _ router.Target) answer {
			return answer{takes: time.Duration(50+50*s) * ms, status: ok, call: Call{USD: usd / 2, Output: 10}}
		}
	}
}

func budgetLives() []life {
	return []life{{
		name:  "a step too many",
		cfg:   func(c *Config) { c.Limits.Steps = 1 },
		graph: graph(plain(), plain(after(0, "", 0, ""))),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: done(a) done(b) finish=budget`,
		split: workloads.Split{Network: 100 * milli},
	}, {
		name:  "tokens: the second step does not fit",
		cfg:   func(c *Config) { c.Limits.Tokens = 219 },
		graph: graph(plain(), plain(after(0, "", 0, ""))),
		setup: priced(0),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			50: done(a) route(b1)
			50: done(b) finish=budget`,
		split: workloads.Split{Network: 50 * milli},
	}}
}

func reservedLives() []life {
	return []life{{
		name:  "money: the second step waits until the first has settled",
		cfg:   func(c *Config) { c.Limits.USD = 1.5 },
		graph: graph(plain(), plain()),
		setup: priced(1),
		want: `
			0: route(a1) route(b1)
			0: start(a1,met/small)
			50: done(a) route(b1)
			50: start(b1,met/small)
			150: done(b) finish=ok`,
		split: workloads.Split{Network: 100 * milli, Backoff: 50 * milli},
	}, {
		name:  "money: what the first spent leaves too little",
		cfg:   func(c *Config) { c.Limits.USD = 1.4 },
		graph: graph(plain(), plain()),
		setup: priced(1),
		want: `
			0: route(a1) route(b1)
			0: start(a1,met/small)
			50: done(a) route(b1)
			50: done(b) finish=budget`,
		split: workloads.Split{Backoff: 50 * milli},
	}, {
		name:  "money: two steps that wait for each other's tools",
		cfg:   func(c *Config) { c.Limits.USD, c.ToolUSD = 1, 0.4 },
		graph: graph(withTools(plain(), 1), withTools(plain(), 1)),
		setup: priced(0.5),
		want: `
			0: route(a1) route(b1)
			0: done(a) done(b) finish=budget`,
	}}
}

func tightLives() []life {
	return []life{{
		name:  "money: an escalation that does not fit leaves the refused answer",
		cfg:   func(c *Config) { c.Limits.USD, c.Validate = 1, true },
		graph: graph(plain()),
		setup: func(d *driver) { priced(0.8)(d); d.validate = validating1(0, false) },
		want: `
			0: route(a1)
			0: start(a1,met/small)
			50: validate(a1)
			50: route(a2)
			50: done(a) finish=ok`,
		split: workloads.Split{Network: 50 * milli},
	}, {
		name:  "money: no hedge beyond the budget",
		cfg:   func(c *Config) { c.Limits.USD = 1 },
		graph: graph(plain()),
		setup: func(d *driver) {
			hedging(d)
			plan := d.route
			d.route = func(s, a int32) router.Decision { r := plan(s, a); r.ReserveUSD = 0.6; return r }
		},
		want: `
			0: route(a1)
			0: start(a1,met/small) hedge(a)@30
			100: done(a) finish=ok`,
		split: workloads.Split{Network: 100 * milli},
	}}
}

// growing is a chain of steps that each keep all of their base's context and
// add 100 tokens; answers have 50.
func growing(n int) *workloads.Graph {
	nodes := make([]workloads.Node, n)
	for i := range nodes {
		nodes[i] = plain()
		nodes[i].Output, nodes[i].Input = 50, 100
		if i > 0 {
			nodes[i].Wait = []workloads.Edge{after(int32(i)-1, "", 0, "")}
			nodes[i].Base, nodes[i].Keep = int32(i)-1, nodes[i-1].Input+50
			nodes[i].Input = nodes[i].Keep + 100
		}
	}
	return graph(nodes...)
}

func compactLives() []life {
	compacts := func(c *Config) { c.CompactAbove, c.CompactTo, c.MaxAttempts = 300, 20, 1 }
	return []life{{
		name:  "the third step compacts, without validation, then calls",
		cfg:   func(c *Config) { compacts(c); c.Validate = true },
		graph: growing(3),
		setup: func(d *driver) { d.validate = validating1(0, true, true) },
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: validate(a1)
			100: done(a) route(b1)
			100: start(b1,met/small)
			200: validate(b1)
			200: done(b) route(c1)
			200: start(c1,met/small)
			300: route(c2)
			300: start(c2,met/small)
			400: validate(c2)
			400: done(c) finish=ok`,
		split: workloads.Split{Network: 400 * milli},
	}, {
		name:  "a compaction that fails leaves the context whole",
		cfg:   compacts,
		graph: growing(3),
		setup: func(d *driver) {
			d.attempt = func(s, attempt int32, _ router.Target) answer {
				if s == 2 && attempt == 1 {
					return takes(10*ms, failed)
				}
				return takes(100*ms, ok)
			}
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: done(a) route(b1)
			100: start(b1,met/small)
			200: done(b) route(c1)
			200: start(c1,met/small)
			210: route(c2)
			210: start(c2,met/small)
			310: done(c) finish=ok`,
		split: workloads.Split{Network: 310 * milli},
	}}
}
