package tools

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
)

// Call makes one call of a tool. It returns when the call has ended, or as soon
// as its time is over or ctx has ended, whatever the tool does. The Result is
// what the model is told and what the session makes durable in every case,
// its quota's use after a failure included; the error, if there is one, is an
// *Error for the machine.
func (r *Registry) Call(ctx context.Context, name string, c *Call) (Result, error) {
	e, err := r.find(name)
	if err != nil {
		return ended(&Error{Kind: UnknownTool, Tool: clip(name, maxFound), Err: err})
	}
	if e.tool.Outward && c.Bound {
		return ended(&Error{Kind: Refused, Tool: name, Err: errors.New("it carries what it is given elsewhere, and rules hold for where the session's data may go")})
	}
	arguments, problem := e.arguments(c.Arguments, r.options.MaxArguments)
	if problem != nil {
		return ended(problem)
	}
	if r.options.Gate != nil {
		if err := r.options.Gate(name, c); err != nil {
			return ended(&Error{Kind: Refused, Tool: name, Err: err})
		}
	}
	state := newState(c.State, e.tool.Serial())
	defer state.close()
	used, problem := admit(e, state, len(arguments))
	if problem != nil {
		return ended(problem)
	}
	own := *c
	own.Arguments, own.State, own.nested = arguments, state, newNested(r, c, e, state)
	result, problem := r.run(ctx, e, &own)
	own.nested.end()
	if problem == nil {
		problem = r.accept(e, state, own.nested, &used, &result)
	}
	if problem != nil {
		usd := result.USD
		result = problem.result()
		result.USD = usd
	}
	result.Writes = append(result.Writes, own.nested.uses()...)
	result.Writes = append(result.Writes, used.write(e)...)
	if problem != nil {
		return result, problem
	}
	return result, nil
}

// Check says what is wrong with a call's name or arguments, as Call would before
// it runs anything; nil: nothing is.
func (r *Registry) Check(name string, arguments []byte) error {
	e, err := r.find(name)
	if err != nil {
		return err
	}
	if _, problem := e.arguments(arguments, r.options.MaxArguments); problem != nil {
		return problem
	}
	return nil
}

func ended(e *Error) (Result, error) { return e.result(), e }

// Unknown is the result of a call whose process ended before its outcome was
// known, and which may not be made again: what the model is told, and the use of
// the quota.
func (r *Registry) Unknown(name string, c *Call) (Result, *Error) {
	problem := &Error{Kind: OutcomeUnknown, Tool: name,
		Err: errors.New("the process ended during the call: whether it had an effect is not known, and it is not made again")}
	result := problem.result()
	if e, err := r.find(name); err == nil {
		if used, refused := admit(e, newState(c.State, e.tool.Serial()), len(c.Arguments)); refused == nil {
			result.Writes = used.write(e)
		}
	}
	return result, problem
}

// arguments are c's, checked, in the encoding that the tool is handed.
func (e *entry) arguments(text []byte, limit int) ([]byte, *Error) {
	invalid := func(err error, problems []Problem) *Error {
		return &Error{Kind: InvalidArguments, Tool: e.tool.Name, Err: err, Problems: problems}
	}
	if len(text) > limit {
		return nil, invalid(fmt.Errorf("arguments have %d bytes: at most %d are taken", len(text), limit), nil)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		text = []byte("{}")
	}
	v, canonical, err := parse(text)
	if err != nil {
		return nil, invalid(fmt.Errorf("arguments are %w", err), nil)
	}
	if problems := e.input.check(v); len(problems) > 0 {
		return nil, invalid(fmt.Errorf("arguments do not fit the tool's schema: %s", words(problems)), problems)
	}
	return canonical, nil
}

// words says the problems in a sentence.
func words(problems []Problem) string {
	var list []string
	for _, p := range problems {
		place := p.Path
		if place == "" {
			place = "the whole value"
		}
		list = append(list, fmt.Sprintf("at %s: found %s, want %s", place, p.Found, p.Want))
	}
	return strings.Join(list, "; ")
}
