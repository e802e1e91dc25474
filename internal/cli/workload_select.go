package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tierlab/workloads"
)

// selectOptions choose sessions of a workload.
type selectOptions struct {
	workload string
	steps    span
	tools    span
	tokens   span // the longest prompt's
	sessions int  // at most; 0: all
	labels   []string
	out      string
}

func newWorkloadSelect(g *global, stdio Stdio) *cobra.Command {
	o := selectOptions{steps: everything(), tools: everything(), tokens: everything()}
	cmd := &cobra.Command{
		Use:   "select WORKLOAD",
		Short: "Keep the sessions that meet conditions",
		Long: `Keep the sessions of a workload that meet every condition given. A range is
LOW-HIGH, LOW-, -HIGH or one number. Sessions are kept whole; outcomes of an
earlier run are dropped, so that the result is a workload again.`,
		Example: `  tierlab workload select w.jsonl --steps 2-50 --out long.jsonl
  tierlab workload select embedded --tools 1- --sessions 10 --out -`,
		Args: exactly("WORKLOAD"),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.workload = args[0]
			if err := o.validate(); err != nil {
				return badInput(err)
			}
			return selectSessions(cmd.Context(), o, stdio, newProgress(stdio, g.quiet))
		},
	}
	f := cmd.Flags()
	f.Var(&o.steps, "steps", "how many steps a session has")
	f.Var(&o.tools, "tools", "how many tool calls a session has")
	f.Var(&o.tokens, "tokens", "how many tokens the session's longest prompt has")
	f.IntVarP(&o.sessions, "sessions", "n", 0, "stop after this many sessions (0: all)")
	f.StringSliceVar(&o.labels, "label", nil, "labels that a session has, as `name=value`")
	f.StringVarP(&o.out, "out", "o", "-", "the `file` to write")
	return cmd
}

func (o *selectOptions) validate() error {
	if o.sessions < 0 {
		return fmt.Errorf("--sessions: %d is negative", o.sessions)
	}
	for _, l := range o.labels {
		if !strings.Contains(l, "=") {
			return fmt.Errorf("--label: %q is not name=value", l)
		}
	}
	return nil
}

func selectSessions(ctx context.Context, o selectOptions, stdio Stdio, show *progress) error {
	r, name, err := openWorkload(o.workload, stdio)
	if err != nil {
		return err
	}
	defer r.Close()
	in := workloads.NewReader(&interruptible{ctx, r}, name)
	h, err := in.Header()
	if err != nil {
		return badInput(err)
	}
	header := *h
	header.Run = nil
	header.Provenance.Notes = append(header.Provenance.Notes, "selected: "+o.String())
	var read, kept tally
	err = writeOutput(o.out, stdio, func(w io.Writer) error {
		return o.copySessions(in, workloads.NewWriter(w, header), &read, &kept)
	})
	if err != nil {
		return err
	}
	show.Say("kept %d of %s: %s", kept.sessions, count(read.sessions, "session"), &kept)
	return nil
}

// copySessions copies the sessions that o wants, each after the prefixes that
// stand before it.
func (o *selectOptions) copySessions(in *workloads.Reader, out *workloads.Writer, read, kept *tally) error {
	prefixes := 0
	for t, err := range in.Sessions() {
		if err != nil {
			return badInput(err)
		}
		read.add(t)
		if !o.wants(t) {
			continue
		}
		for _, p := range in.Prefixes().All()[prefixes:] {
			prefixes++
			if err := out.Prefix(p); err != nil {
				return err
			}
		}
		t.Outcomes = nil
		kept.add(t)
		if err := out.Trace(t); err != nil {
			return err
		}
		if kept.sessions == o.sessions {
			break
		}
	}
	if kept.sessions == 0 {
		return badInputf("none of %s meets the conditions: %s", count(read.sessions, "session"), o)
	}
	return out.Close()
}

// wants says whether a session meets all conditions.
func (o *selectOptions) wants(t *workloads.Trace) bool {
	longest := 0
	for i := range t.Graph.Steps {
		longest = max(longest, t.Graph.Steps[i].Input)
	}
	for _, l := range o.labels {
		name, value, _ := strings.Cut(l, "=")
		if t.Session.Labels[name] != value {
			return false
		}
	}
	return o.steps.holds(len(t.Steps)) && o.tools.holds(t.Graph.Tools) && o.tokens.holds(longest)
}

// String lists the conditions.
func (o *selectOptions) String() string {
	var parts []string
	for _, c := range []struct {
		name string
		s    span
	}{{"steps", o.steps}, {"tools", o.tools}, {"tokens", o.tokens}} {
		if c.s != everything() {
			parts = append(parts, c.name+" "+c.s.String())
		}
	}
	for _, l := range o.labels {
		parts = append(parts, "label "+l)
	}
	if o.sessions > 0 {
		parts = append(parts, fmt.Sprintf("the first %d", o.sessions))
	}
	if len(parts) == 0 {
		return "all"
	}
	return strings.Join(parts, ", ")
}

// span is a range of counts, both ends included; it is a flag's value.
type span struct{ low, high int }

func everything() span { return span{0, math.MaxInt} }

func (s span) holds(n int) bool { return s.low <= n && n <= s.high }

// String is the form that Set reads; a range without bounds is empty.
func (s span) String() string {
	switch {
	case s.high == math.MaxInt && s.low == 0:
		return ""
	case s.high == math.MaxInt:
		return fmt.Sprintf("%d-", s.low)
	case s.high == s.low:
		return strconv.Itoa(s.low)
	}
	return fmt.Sprintf("%d-%d", s.low, s.high)
}

// Set reads LOW-HIGH, LOW-, -HIGH or one number.
func (s *span) Set(text string) error {
	low, high, ranged := strings.Cut(text, "-")
	if !ranged {
		high = low
	}
	parsed := everything()
	var errLow, errHigh error
	if low != "" {
		parsed.low, errLow = strconv.Atoi(low)
	}
	if high != "" {
		parsed.high, errHigh = strconv.Atoi(high)
	}
	if errLow != nil || errHigh != nil || low == "" && high == "" {
		return errors.New("want LOW-HIGH, LOW-, -HIGH or one number")
	}
	if parsed.low > parsed.high {
		return fmt.Errorf("%d is above %d", parsed.low, parsed.high)
	}
	*s = parsed
	return nil
}

func (s *span) Type() string { return "range" }
