package workloads

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// schemaStem is what the schemas of all versions begin with.
const schemaStem = "tierlab/v"

func (h *Header) check() *Error {
	if h.Schema != Schema {
		number, ours := strings.CutPrefix(h.Schema, schemaStem)
		if n, err := strconv.Atoi(number); ours && err == nil && schemaStem+strconv.Itoa(n) > Schema {
			return fault("schema", "this program reads "+Schema, "%q was written by a newer program", h.Schema)
		}
		return fault("schema", fmt.Sprintf("%q", Schema), "unknown schema %q", h.Schema)
	}
	if h.Name == "" {
		return fault("name", "a name", "empty")
	}
	return nil
}

func (s *Session) check() *Error {
	if s.ID == "" {
		return fault("id", "a name", "empty")
	}
	if s.Budget != nil {
		if err := notNegative("budget.usd", s.Budget.USD); err != nil {
			return err
		}
	}
	if d := s.Data; d != nil {
		if d.PII && len(d.Residency) > 0 {
			return fault("data", "leave one of them out",
				"pii keeps the data on the device, residency names regions that may see it")
		}
		for i, region := range d.Residency {
			switch field := fmt.Sprintf("data.residency[%d]", i); {
			case region == "":
				return fault(field, "a region's name", "empty")
			case slices.Contains(d.Residency[:i], region):
				return fault(field, "each region once", "%q stands here twice", region)
			}
		}
	}
	return nil
}

// check finds what is wrong with a step by itself; what depends on the other
// steps of its session is found when the session is compiled.
func (s *Step) check(prefixes *Prefixes) *Error {
	switch {
	case s.ID == "":
		return fault("id", "a name", "empty")
	case s.ID[0] == '@':
		return fault("id", "a name without @, which marks prefixes", "%q", s.ID)
	}
	for i := range s.After {
		if err := s.After[i].check(); err != nil {
			return err.under(fmt.Sprintf("after[%d]", i))
		}
		for _, earlier := range s.After[:i] {
			if earlier.Step == s.After[i].Step && earlier.On.moment() == s.After[i].On.moment() {
				return fault(fmt.Sprintf("after[%d]", i), "each moment once", "the step waits for this moment already")
			}
		}
	}
	if err := s.LLM.check(prefixes); err != nil {
		return err.under("llm")
	}
	for i := range s.Tools {
		if err := s.Tools[i].check(); err != nil {
			return err.under(fmt.Sprintf("tools[%d]", i))
		}
	}
	return nil
}

// moment is On with its default filled in.
func (o On) moment() On {
	if o == "" {
		return OnToolsDone
	}
	return o
}

func (a *After) check() *Error {
	if err := oneOf("on", a.On, "", OnStart, OnLLMDone, OnToolsDone); err != nil {
		return err
	}
	if a.Step == "" && a.On != "" && a.On != OnStart {
		return fault("on", "start, or leave it out", "%q: the session's arrival has no other moment than its start", a.On)
	}
	return oneOf("cause", a.Cause, CauseNone, CauseTool, CauseHuman, CauseUnknown)
}

func (l *LLM) check(prefixes *Prefixes) *Error {
	if err := oneOf("modality", l.Modality, "", "text", "vision", "audio", "embedding", "image"); err != nil {
		return err
	}
	if l.OutputTokens > maxTokens {
		return fault("output_tokens", "0 to 1e9", "%d", l.OutputTokens)
	}
	for i, model := range l.FailedBy {
		if slices.Contains(l.SolvedBy, model) {
			return fault(fmt.Sprintf("failed_by[%d]", i), "one of the two", "%q is among solved_by as well", model)
		}
	}
	if err := l.Context.check(prefixes); err != nil {
		return err.under("context")
	}
	return nil
}

func (c *Context) check(prefixes *Prefixes) *Error {
	if err := checkTokens(c.Keep, c.Add); err != nil {
		return err
	}
	if c.From == "" {
		return checkNoBase(c.Keep)
	}
	name, shared := strings.CutPrefix(c.From, "@")
	if !shared {
		return nil
	}
	held, ok := prefixes.Tokens(name)
	if !ok {
		var known map[string]int
		if prefixes != nil {
			known = prefixes.tokens
		}
		return fault("from", didYouMean(name, maps.Keys(known)), "%q is not a prefix defined before this step", name)
	}
	if c.Keep > held {
		return fault("keep", "", "%d tokens, but prefix %q holds %d", c.Keep, name, held)
	}
	return nil
}

func (t *Tool) check() *Error {
	if t.Name == "" {
		return fault("name", "a name", "empty")
	}
	if err := oneOf("status", t.Status, "", "ok", "error", "timeout"); err != nil {
		return err
	}
	if len(t.Spawn) > 0 {
		if t.Duration != 0 {
			return fault("duration_ms", "leave it out", "the call lasts as long as the steps that it spawns")
		}
		if t.Code != nil {
			return fault("code", "leave it out", "the call spawns steps instead")
		}
	}
	if t.Code != nil {
		if err := oneOf("code.language", t.Code.Language, "javascript", "wasm"); err != nil {
			return err
		}
	}
	return nil
}

// check finds what is wrong with an outcome of the given session.
func (o *Outcome) check(session string, hasStep func(string) bool) *Error {
	if o.Session != session {
		return fault("session", "a session's lines stand together", "%q, behind session %q", o.Session, session)
	}
	if o.Step != "" && !hasStep(o.Step) {
		return fault("step", "", "%q is not a step of this session", o.Step)
	}
	if err := o.Status.check(); err != nil {
		return err
	}
	if o.End < o.Start {
		return fault("end_ms", "", "%v, before the start at %v", o.End.D(), o.Start.D())
	}
	for i := range o.Attempts {
		a := &o.Attempts[i]
		err := a.Status.check()
		if err == nil {
			err = notNegative("usd", a.USD, "egress_usd", a.Egress, "joules", a.Joules)
		}
		if err != nil {
			return err.under(fmt.Sprintf("attempts[%d]", i))
		}
	}
	if o.Result == nil {
		return nil
	}
	if o.Step != "" {
		return fault("result", "leave it out", "a step has none")
	}
	c := &o.Result.USD
	if err := notNegative("tokens", c.Tokens, "egress", c.Egress, "state", c.State,
		"orchestration", c.Orchestration, "sandbox", c.Sandbox, "validation", c.Validation); err != nil {
		return err.under("result.usd")
	}
	return nil
}

func (s Status) check() *Error {
	return oneOf("status", s, StatusOK, StatusInvalid, StatusRejected, StatusError, StatusTimeout,
		StatusCancelled, StatusLost, StatusBudget, StatusKilled, StatusNoSite, StatusPartial)
}

// oneOf checks a word against those allowed; an empty word is allowed where
// the list has one.
func oneOf[T ~string](field string, got T, allowed ...T) *Error {
	if slices.Contains(allowed, got) {
		return nil
	}
	words := make([]string, 0, len(allowed))
	for _, a := range allowed {
		if a != "" {
			words = append(words, string(a))
		}
	}
	want := didYouMean(string(got), slices.Values(words))
	if want == "" {
		want = "one of " + strings.Join(words, ", ")
	}
	return fault(field, want, "unknown value %q", string(got))
}

// notNegative takes pairs of a field and its value.
func notNegative(pairs ...any) *Error {
	for i := 0; i+1 < len(pairs); i += 2 {
		if x := pairs[i+1].(float64); x < 0 {
			return fault(pairs[i].(string), "zero or more", "%v is negative", x)
		}
	}
	return nil
}
