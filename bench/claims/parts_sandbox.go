package claims

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"tierlab/bench/actors"
	"tierlab/reference/sandbox"
	"tierlab/reference/tools"
	"tierlab/reference/tools/builtin"
)

// withPool runs an experiment in the sandbox. Where its children do not start there is
// nothing to find out.
func (f *Finding) withPool(do func(p *sandbox.Pool) error) error {
	p, err := sandbox.NewPool(sandbox.Config{})
	if err != nil {
		f.Verdict, f.Where = Waits, "a machine on which the sandbox's children start"
		f.Says = "Not measured: " + err.Error()
		return nil
	}
	if err := errors.Join(do(p), p.Close()); err != nil {
		return err
	}
	f.judge()
	f.Says = f.inWords()
	f.How = here()
	return nil
}

// none adds a check that something never happened.
func (f *Finding) none(statement string, found int) {
	f.check(Check{Statement: statement, Criterion: "none", Found: exactly(float64(found)), Truth: exactly(float64(found)).atMost(0), Where: "no " + statement})
}

// all adds a check that something always did.
func (f *Finding) all(statement string, found, of int) {
	share := exactly(100 * float64(found) / float64(of))
	f.check(Check{Statement: fmt.Sprintf("%s, of %d", statement, of), Criterion: "100 %", Found: share, Unit: "%", Truth: share.atLeast(100), Where: statement})
}

// toolCalls is how many calls P3 makes of a tool.
const toolCalls = 200

// noState is a session without any.
type noState struct{}

func (noState) Get(string) ([]byte, bool) { return nil, false }
func (noState) List(string) []string      { return nil }

// registry is P3.
func registry(ctx context.Context, _ *Lab, f *Finding) error {
	return f.withPool(func(p *sandbox.Pool) error {
		r, runs := tools.NewRegistry(tools.Options{}), 0
		own := tools.Tool{Name: "lookup", Description: "one tool of the user's", Input: json.RawMessage(
			`{"type":"object","properties":{"id":{"type":"integer","minimum":1}},"required":["id"],"additionalProperties":false}`),
			Run: func(context.Context, *tools.Call) (tools.Result, error) {
				runs++
				return tools.Result{Content: json.RawMessage(`"found"`)}, nil
			}}
		if err := errors.Join(r.Register(own), builtin.Register(r, builtin.Config{Run: p.Run, Code: []string{"calculator"}})); err != nil {
			return err
		}
		right, err := rightAnswers(ctx, r)
		if err != nil {
			return err
		}
		f.all("programs that a model wrote, run in the sandbox, whose calls of tools came back right", right, toolCalls)
		for _, wrong := range []string{``, `{`, `[]`, `{}`, `{"id":"1"}`, `{"id":0}`, `{"id":1.5}`, `{"id":1,"x":2}`, `{"id":1}{}`, `null`} {
			if _, err := r.Call(ctx, own.Name, &tools.Call{Session: "s", Arguments: json.RawMessage(wrong), State: noState{}}); err == nil {
				return fmt.Errorf("the arguments %q were taken", wrong)
			}
		}
		f.none("calls against their schema that ran", runs)
		return nil
	})
}

// rightAnswers has programs sum what the calculator multiplies.
func rightAnswers(ctx context.Context, r *tools.Registry) (int, error) {
	right := 0
	for i := range toolCalls {
		source := fmt.Sprintf("Number(host.calculator({expression: '%d * 7'}).value) + 1", i)
		arguments, err := json.Marshal(map[string]string{"language": "javascript", "source": source})
		if err != nil {
			return 0, err
		}
		got, err := r.Call(ctx, "run_code", &tools.Call{Session: "s", Key: fmt.Sprint(i), Arguments: arguments, State: noState{}, Tools: []string{"calculator"}})
		if err != nil {
			return 0, err
		}
		var answer struct{ Value int }
		if json.Unmarshal(got.Content, &answer) == nil && answer.Value == 7*i+1 {
			right++
		}
	}
	return right, nil
}

// isolates is P10.
func isolates(ctx context.Context, l *Lab, f *Finding) error {
	return f.withPool(func(p *sandbox.Pool) error {
		if _, err := actors.Warm(ctx, p, 10); err != nil {
			return err
		}
		n := l.repeats(burstRuns * l.batches())
		burst, err := actors.Burst(ctx, p, n) // an answer that is wrong is an error
		if err != nil {
			return err
		}
		f.all(fmt.Sprintf("programs of a burst that gave the right answer, all of them in %s s", short(burst.Max.Seconds())), burst.N, n)
		leaks := 0
		for range toolCalls {
			r, err := p.Run(ctx, &sandbox.Run{Language: sandbox.JavaScript,
				Source: []byte("const found = globalThis.left !== undefined || Array.prototype.left !== undefined; globalThis.left = 1; Array.prototype.left = 1; found")})
			if err != nil {
				return err
			}
			if string(r.Value) != "false" {
				leaks++
			}
		}
		f.none(fmt.Sprintf("of %d programs that found what another had left", toolCalls), leaks)
		return nil
	})
}

// hostile are programs that mean harm, and the limit that each must meet.
func hostile() []struct {
	source string
	want   sandbox.FaultKind
} {
	return []struct {
		source string
		want   sandbox.FaultKind
	}{
		{"for (;;);", sandbox.WallExceeded},
		{"'a'.repeat(30).match(/(a+)+b/)", sandbox.WallExceeded},
		{"const a = []; for (;;) a.push(new Uint8Array(1 << 20))", sandbox.MemoryFull},
		{"(function f() { return f() + 1 })()", sandbox.StackOverflow},
		{"for (;;) console.log('x'.repeat(10000))", sandbox.OutputFull},
		{"for (;;) host.ping()", sandbox.HostCallsUsed},
	}
}

// hostileWall bounds the programs of P15.
const hostileWall = 250 * time.Millisecond

// contained counts hostile programs that their limit stopped, and those that reached
// beyond the sandbox.
func contained(ctx context.Context, p *sandbox.Pool) (stopped, reached int, err error) {
	host := func(context.Context, string, json.RawMessage) (json.RawMessage, error) {
		return json.RawMessage("1"), nil
	}
	for _, h := range hostile() {
		r, err := p.Run(ctx, &sandbox.Run{Language: sandbox.JavaScript, Source: []byte(h.source), Hosts: []string{"ping"}, Host: host,
			Limits: sandbox.Limits{Wall: hostileWall, Memory: 32 << 20, HostCalls: 20}})
		if err != nil {
			return 0, 0, err
		}
		if r.Fault != nil && r.Fault.Kind == h.want {
			stopped++
		}
	}
	for _, name := range []string{"require", "process", "fetch", "XMLHttpRequest", "std", "os", "bjson", "Deno", "setTimeout", "Worker"} {
		r, err := p.Run(ctx, &sandbox.Run{Language: sandbox.JavaScript, Source: []byte("typeof globalThis." + name)})
		if err != nil {
			return 0, 0, err
		}
		if string(r.Value) != `"undefined"` {
			reached++
		}
	}
	called := false
	_, err = p.Run(ctx, &sandbox.Run{Language: sandbox.JavaScript, Source: []byte("host.secret()"), Hosts: []string{"ping"},
		Host: func(_ context.Context, name string, _ json.RawMessage) (json.RawMessage, error) {
			called = called || name != "ping"
			return json.RawMessage("1"), nil
		}})
	if called {
		reached++
	}
	return stopped, reached, err
}

// security is P15.
func security(ctx context.Context, l *Lab, f *Finding) error {
	results, err := l.everyPolicyUnderFaults(ctx)
	if err != nil {
		return err
	}
	broken, attempts := 0, 0
	for _, r := range results {
		for i := range r.totals {
			broken, attempts = broken+r.totals[i].PrivateOffDevice+r.totals[i].ResidencyBroken, attempts+r.totals[i].Attempts
		}
	}
	f.none(fmt.Sprintf("of %d simulated attempts under %d policies with faults that broke a rule on private data or residency", attempts, len(results)), broken)
	err = f.withPool(func(p *sandbox.Pool) error {
		stopped, reached, err := contained(ctx, p)
		if err != nil {
			return err
		}
		f.all("hostile programs stopped by the limit that is meant for them", stopped, len(hostile()))
		f.none("ways out of the sandbox that a program found (files, network, process, timers, calls that were not granted)", reached)
		return f.beside(ctx, l, p)
	})
	simulated := Finding{}
	l.underFaults(&simulated, results)
	f.How = simulated.How + "; " + f.How
	return err
}

// beside sets the times of harmless programs beside those that they have while another
// session runs one endless loop after the other, in turns.
func (f *Finding) beside(ctx context.Context, l *Lab, p *sandbox.Pool) error {
	var alone, beside []actors.Latencies
	var more []float64
	for range l.batches() {
		a, err := actors.Warm(ctx, p, l.repeats(warmRuns))
		if err != nil {
			return err
		}
		stop := attack(ctx, p)
		b, err := actors.Warm(ctx, p, l.repeats(warmRuns))
		stop()
		if err != nil {
			return err
		}
		alone, beside = append(alone, a), append(beside, b)
		more = append(more, float64(b.P99)/float64(a.P99))
	}
	t := Table{Title: "Harmless programs, from request to first result, ms, over batches", Head: []string{"", "p50", "p99"},
		Note: "the pool has one child for each processor, of which one session may hold half"}
	t.row(word("alone"), figure(spread(alone, p50)), figure(spread(alone, p99)))
	t.row(word("beside endless loops of another session"), figure(spread(beside, p50)), figure(spread(beside, p99)))
	f.Tables = append(f.Tables, t)
	f.check(Check{Statement: "a harmless program's p99 beside endless loops, in p99 alone", Criterion: "at most 2", Found: estimate(more),
		Truth: estimate(more).atMost(2), Where: "programs that wait for a child"})
	return nil
}

// attack has a session run one endless loop after the other until it is stopped.
func attack(ctx context.Context, p *sandbox.Pool) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for ctx.Err() == nil {
			_, _ = p.Run(ctx, &sandbox.Run{Session: "hostile", Language: sandbox.JavaScript,
				Source: []byte(hostile()[0].source), Limits: sandbox.Limits{Wall: hostileWall}})
		}
	}()
	return func() {
		cancel()
		<-over
	}
}
