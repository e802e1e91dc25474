package agent

import (
	"time"

	"tierlab/reference/router"
	"tierlab/workloads"
)

func fallbackLives() []life {
	return []life{{
		name:  "a full queue: the fallback at once, also at the same site",
		graph: graph(plain()),
		setup: func(d *driver) {
			d.route = to(target(1, 0), target(1, 0), target(1, 1))
			d.attempt = script{0: {takes(2*ms, rejected), takes(50*ms, ok)}}.attempt
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			2: start(a2,met/big)
			52: done(a) finish=ok`,
		split: workloads.Split{Network: 52 * milli},
	}, {
		name:  "a failed site: the fallback elsewhere, then the router after a pause",
		cfg:   func(c *Config) { c.BackoffBase, c.BackoffFactor, c.BackoffMax = 100*ms, 2, 100*ms },
		graph: graph(plain()),
		setup: func(d *driver) {
			d.route = to(target(1, 0), target(1, 1), target(3, 1))
			d.attempt = script{0: {takes(2*ms, failed), takes(3*ms, failed), takes(50*ms, ok)}}.attempt
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			2: start(a2,cen/big)
			5: backoff(a)@95
			95: route(a3)
			95: start(a3,met/small)
			145: done(a) finish=ok`,
		split: workloads.Split{Network: 55 * milli, Backoff: 90421255},
	}}
}

func failingLives() []life {
	return []life{{
		name:  "attempts exhausted without an answer",
		cfg:   func(c *Config) { c.MaxAttempts = 2 },
		graph: graph(plain(), plain(after(0, "", 0, ""))),
		setup: func(d *driver) {
			d.attempt = script{0: {takes(2*ms, failed), takes(3*ms, rejected)}}.attempt
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			2: route(a2)
			2: start(a2,met/small)
			5: done(a) finish=rejected`,
		split: workloads.Split{Network: 5 * milli},
	}, {
		name:  "the attempt's own limit",
		cfg:   func(c *Config) { c.AttemptTimeout, c.MaxAttempts = 30*ms, 2 },
		graph: graph(plain()),
		setup: func(d *driver) {
			d.route = to(target(1, 0), target(2, 0))
			d.attempt = script{0: {takes(100*ms, ok), takes(20*ms, ok)}}.attempt
		},
		want: `
			0: route(a1)
			0: start(a1,met/small) timeout(a)@30
			30: cancel(a1)
			30: start(a2,reg/small) timeout(a)@60
			50: done(a) finish=ok`,
		split: workloads.Split{Network: 50 * milli},
	}, {
		name:  "no site",
		graph: graph(plain(), plain()),
		setup: func(d *driver) {
			d.route = func(s, _ int32) router.Decision {
				if s == 1 {
					return router.Decision{Target: router.NoTarget}
				}
				return router.Decision{Target: target(1, 0)}
			}
		},
		want: `
			0: route(a1) route(b1)
			0: start(a1,met/small)
			0: cancel(a1)
			0: done(a) done(b) finish=no_site`,
	}}
}

func validating1(takes time.Duration, pass ...bool) func(step, attempt int32) (time.Duration, bool, bool, float64) {
	return func(_, attempt int32) (time.Duration, bool, bool, float64) {
		return takes, pass[attempt-1], false, 0.25
	}
}

func refusedLives() []life {
	checked := func(c *Config) { c.Validate, c.MaxAttempts = true, 2 }
	return []life{{
		name:  "a refused answer, then a good one",
		cfg:   checked,
		graph: graph(plain()),
		setup: func(d *driver) { d.validate = validating1(8*ms, false, true) },
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: validate(a1)
			108: route(a2)
			108: start(a2,met/small)
			208: validate(a2)
			216: done(a) finish=ok`,
		split: workloads.Split{Network: 200 * milli, Tool: 16 * milli},
	}, {
		name:  "a pause after a refusal",
		cfg:   func(c *Config) { checked(c); c.BackoffBase, c.BackoffMax = 100*ms, 100*ms },
		graph: graph(plain()),
		setup: func(d *driver) { d.validate = validating1(8*ms, false, true) },
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: validate(a1)
			108: backoff(a)@204
			204: route(a2)
			204: start(a2,met/small)
			304: validate(a2)
			312: done(a) finish=ok`,
		split: workloads.Split{Network: 200 * milli, Tool: 16 * milli, Backoff: 96848314},
	}, {
		name:  "escalation at once",
		cfg:   func(c *Config) { checked(c); c.BackoffBase, c.BackoffMax, c.EscalateAtOnce = 100*ms, 100*ms, true },
		graph: graph(plain()),
		setup: func(d *driver) { d.validate = validating1(0, false, true) },
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: validate(a1)
			100: route(a2)
			100: start(a2,met/small)
			200: validate(a2)
			200: done(a) finish=ok`,
		split: workloads.Split{Network: 200 * milli},
	}}
}

func keptLives() []life {
	checked := func(c *Config) { c.Validate, c.MaxAttempts = true, 2 }
	return []life{{
		name:  "every answer refused: the session goes on with the latest",
		cfg:   checked,
		graph: graph(plain(), plain(after(0, "", 0, ""))),
		setup: func(d *driver) {
			d.validate = func(s, _ int32) (time.Duration, bool, bool, float64) { return 0, s == 1, false, 0 }
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: validate(a1)
			100: route(a2)
			100: start(a2,met/small)
			200: validate(a2)
			200: done(a) route(b1)
			200: start(b1,met/small)
			300: validate(b1)
			300: done(b) finish=ok`,
		split: workloads.Split{Network: 300 * milli},
	}, {
		name:  "a refused answer stands in for an attempt that failed later",
		cfg:   checked,
		graph: graph(plain()),
		setup: func(d *driver) {
			d.validate = validating1(0, false)
			d.attempt = script{0: {takes(10*ms, ok), takes(20*ms, failed)}}.attempt
		},
		want: `
			0: route(a1)
			0: start(a1,met/small)
			10: validate(a1)
			10: route(a2)
			10: start(a2,met/small)
			30: done(a) finish=ok`,
		split: workloads.Split{Network: 30 * milli},
	}, {
		name:  "every answer refused: the session stops",
		cfg:   func(c *Config) { checked(c); c.StopRefused = true },
		graph: graph(plain()),
		setup: func(d *driver) { d.validate = validating1(0, false, false) },
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: validate(a1)
			100: route(a2)
			100: start(a2,met/small)
			200: validate(a2)
			200: done(a) finish=invalid`,
		split: workloads.Split{Network: 200 * milli},
	}}
}

// hedging decides for met with a hedge on reg after 30 ms.
func hedging(d *driver) {
	d.route = func(int32, int32) router.Decision {
		r := to(target(1, 0), target(2, 0))(0, 0)
		r.HedgeAfter = 30 * ms
		return r
	}
}

func hedgedLives() []life {
	hedged := func(attempts ...answer) func(*driver) {
		return func(d *driver) {
			hedging(d)
			d.attempt = script{0: attempts}.attempt
		}
	}
	return []life{{
		name:  "the hedge wins",
		graph: graph(plain()),
		setup: hedged(takes(100*ms, ok), takes(20*ms, ok)),
		want: `
			0: route(a1)
			0: start(a1,met/small) hedge(a)@30
			30: start(a2,reg/small)
			50: cancel(a1)
			50: done(a) finish=ok`,
		split: workloads.Split{Network: 20 * milli, Backoff: 30 * milli},
	}, {
		name:  "the first attempt wins",
		graph: graph(plain()),
		setup: hedged(takes(40*ms, ok), takes(20*ms, ok)),
		want: `
			0: route(a1)
			0: start(a1,met/small) hedge(a)@30
			30: start(a2,reg/small)
			40: cancel(a2)
			40: done(a) finish=ok`,
		split: workloads.Split{Network: 40 * milli},
	}, {
		name:  "no hedge after the first token",
		graph: graph(plain()),
		setup: hedged(answer{takes: 100 * ms, first: 30 * ms, status: ok}),
		want: `
			0: route(a1)
			0: start(a1,met/small) hedge(a)@30
			100: done(a) finish=ok`,
		split: workloads.Split{Network: 100 * milli},
	}}
}

func hedgeFailsLives() []life {
	hedged := func(attempts ...answer) func(*driver) {
		return func(d *driver) {
			hedging(d)
			d.attempt = script{0: attempts}.attempt
		}
	}
	return []life{{
		name:  "the first attempt fails, the hedge goes on",
		graph: graph(plain()),
		setup: hedged(takes(40*ms, failed), takes(20*ms, ok)),
		want: `
			0: route(a1)
			0: start(a1,met/small) hedge(a)@30
			30: start(a2,reg/small)
			50: done(a) finish=ok`,
		split: workloads.Split{Network: 20 * milli, Backoff: 30 * milli},
	}, {
		name:  "both fail: the router again",
		graph: graph(plain()),
		setup: hedged(takes(40*ms, failed), takes(20*ms, rejected), takes(10*ms, ok)),
		want: `
			0: route(a1)
			0: start(a1,met/small) hedge(a)@30
			30: start(a2,reg/small)
			50: route(a3)
			50: start(a3,met/small) hedge(a)@80
			60: done(a) finish=ok`,
		split: workloads.Split{Network: 30 * milli, Backoff: 30 * milli},
	}, {
		name:  "the loser is slow to settle: StepDone waits, the next step does not",
		graph: graph(plain(), plain(after(0, "", 0, ""))),
		setup: func(d *driver) {
			hedging(d)
			d.attempt = script{0: {takes(100*ms, ok), takes(20*ms, ok)}, 1: {takes(5*ms, ok)}}.attempt
			d.cancel = func(int32, int32) time.Duration { return 12 * ms }
		},
		want: `
			0: route(a1)
			0: start(a1,met/small) hedge(a)@30
			30: start(a2,reg/small)
			50: cancel(a1) route(b1)
			50: start(b1,met/small) hedge(b)@80
			55: done(b)
			62: done(a) finish=ok`,
		split: workloads.Split{Network: 25 * milli, Backoff: 30 * milli},
	}}
}

func noHedgeLives() []life {
	hedged := func(attempts ...answer) func(*driver) {
		return func(d *driver) {
			hedging(d)
			d.attempt = script{0: attempts}.attempt
		}
	}
	return []life{{
		name:  "a hedge is an attempt",
		cfg:   func(c *Config) { c.MaxAttempts = 1 },
		graph: graph(plain()),
		setup: hedged(takes(100*ms, ok)),
		want: `
			0: route(a1)
			0: start(a1,met/small) hedge(a)@30
			100: done(a) finish=ok`,
		split: workloads.Split{Network: 100 * milli},
	}, {
		name:  "hedges not permitted",
		cfg:   func(c *Config) { c.Hedge = false },
		graph: graph(plain()),
		setup: hedged(takes(100*ms, ok)),
		want: `
			0: route(a1)
			0: start(a1,met/small)
			100: done(a) finish=ok`,
		split: workloads.Split{Network: 100 * milli},
	}}
}
