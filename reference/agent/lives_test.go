package agent

import (
	"time"

	"tierlab/workloads"
)

func gapLives() []life {
	human := workloads.CauseHuman
	return []life{{
		name:  "two steps and a person between them",
		graph: graph(plain(), plain(after(0, "", 50*ms, human))),
		setup: func(d *driver) {
			d.attempt = script{0: {{takes: 100 * ms, status: ok, call: Call{Queue: 10 * ms, Prefill: 20 * ms, Decode: 30 * ms}}}, 1: {takes(7*ms, ok)}}.attempt
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: done(a) due(b)@150
			150: route(b1)
			150: start(b1,met/small)
			157: done(b) finish=ok`,
		split: workloads.Split{Queue: 10 * milli, Prefill: 20 * milli, Decode: 30 * milli, Network: 47 * milli, Think: 50 * milli},
	}, {
		name:  "caps shorten gaps",
		cfg:   func(c *Config) { c.ThinkCap, c.ToolCap = 5*ms, 3*ms },
		graph: graph(plain(), plain(after(0, "", 50*ms, human)), plain(after(1, "", 50*ms, workloads.CauseUnknown))),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: done(a) due(b)@105
			105: route(b1)
			105: start(b1,met/small)
			205: done(b) due(c)@208
			208: route(c1)
			208: start(c1,met/small)
			308: done(c) finish=ok`,
		split: workloads.Split{Network: 300 * milli, Think: 5 * milli, Tool: 3 * milli},
	}}
}

func toolLives() []life {
	return []life{{
		name:  "parallel tools, a join on the slower branch",
		graph: graph(withTools(plain(), 2), plain(after(0, workloads.OnLLMDone, 0, "")), plain(after(0, "", 0, ""), after(1, "", 0, ""))),
		setup: func(d *driver) {
			d.tool = func(_, tool int32) (time.Duration, float64) { return time.Duration(30+tool*120) * ms, 0 }
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: tool(a.0) tool(a.1) route(b1)
			100: start(b1,met/small)
			200: done(b)
			250: done(a) route(c1)
			250: start(c1,met/small)
			350: done(c) finish=ok`,
		split: workloads.Split{Network: 200 * milli, Tool: 150 * milli},
	}}
}

func spawnLives() []life {
	return []life{{
		name: "a tool call spawns two steps; the path leads through the last of them",
		graph: func() *workloads.Graph {
			owner := withTools(plain(), 1)
			owner.Step.Tools[0].Spawn = []string{"b", "c"}
			b := plain(after(0, workloads.OnLLMDone, 10*ms, ""))
			c := plain(after(1, "", 0, ""))
			b.Owner, b.OwnerTool, c.Owner, c.OwnerTool = 0, 0, 0, 0
			return graph(owner, b, c, plain(after(0, "", 0, "")))
		}(),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: due(b)@110
			110: route(b1)
			110: start(b1,met/small)
			210: done(b) route(c1)
			210: start(c1,met/small)
			310: done(c) done(a) route(d1)
			310: start(d1,met/small)
			410: done(d) finish=ok`,
		split: workloads.Split{Network: 400 * milli, Tool: 10 * milli},
	}, {
		name: "a tool call outlasts the spawned step",
		graph: func() *workloads.Graph {
			owner := withTools(plain(), 2)
			owner.Step.Tools[0].Spawn = []string{"b"}
			b := plain(after(0, workloads.OnLLMDone, 0, ""))
			b.Owner, b.OwnerTool = 0, 0
			return graph(owner, b)
		}(),
		setup: func(d *driver) {
			d.tool = func(_, _ int32) (time.Duration, float64) { return 130 * ms, 0 }
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: tool(a.1) route(b1)
			100: start(b1,met/small)
			200: done(b)
			230: done(a) finish=ok`,
		split: workloads.Split{Network: 100 * milli, Tool: 130 * milli},
	}}
}

func edgeLives() []life {
	human := workloads.CauseHuman
	return []life{{
		name:  "two edges due at once: the lower step is the cause",
		graph: graph(plain(), plain(), plain(after(0, "", 0, ""), after(1, "", 50*ms, human))),
		setup: func(d *driver) {
			d.attempt = script{0: {takes(100*ms, ok)}, 1: {takes(50*ms, ok)}, 2: {takes(9*ms, ok)}}.attempt
		},
		want: `
			0: route(a1) route(b1)
			0: start(a1,met/small)
			0: start(b1,met/small)
			50: done(b)
			100: done(a) route(c1)
			100: start(c1,met/small)
			109: done(c) finish=ok`,
		split: workloads.Split{Network: 109 * milli},
	}, {
		name:  "commits gate the call, the tools and the final answer",
		cfg:   func(c *Config) { c.CommitEach = true },
		graph: graph(withTools(plain(), 1), plain(after(0, "", 0, "")), plain(after(1, "", 0, ""))),
		setup: func(d *driver) {
			d.commit = func(int32) (time.Duration, float64) { return 4 * ms, 0.5 }
			d.tool = func(_, _ int32) (time.Duration, float64) { return 9 * ms, 0 }
		},
		want: `
			0: route(a1)
			0: commit(a,400)
			4: start(a1,met/small)
			104: commit(a,0)
			108: tool(a.0)
			117: done(a) route(b1)
			117: commit(b,400)
			121: start(b1,met/small)
			221: done(b) route(c1)
			221: commit(c,400)
			225: start(c1,met/small)
			325: commit(c,0)
			329: done(c) finish=ok`,
		split: workloads.Split{Network: 300 * milli, Tool: 9 * milli, State: 20 * milli},
	}}
}
