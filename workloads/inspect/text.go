package inspect

import (
	"fmt"
	"io"
	"strings"
)

// The table's columns: a label, seven numbers, a figure; 100 in all.
const (
	labelWidth  = 21
	numberWidth = 8
)

// levels draw a bar of a figure; an occupied bin is never blank.
var levels = []rune(" ▁▂▃▄▅▆▇█")

// Text writes the result for people, at most 100 columns wide.
func (r *Result) Text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s, %s, %s, %s\n", r.Name, plural(r.Sessions.Count, "session"), plural(r.Turns.Count, "turn"),
		plural(r.Requests, "step"), plural(r.Tools.Calls, "tool call"))
	if r.Source != "" {
		fmt.Fprintf(&b, "%s\n", clip("source: "+r.Source, 100))
	}
	b.WriteByte('\n')
	fmt.Fprintf(&b, "%-*s", labelWidth, "")
	for _, name := range []string{"n", "mean", "p10", "p50", "p90", "p99", "max"} {
		fmt.Fprintf(&b, "%*s", numberWidth, name)
	}
	b.WriteString("  share on a log axis\n")
	for _, g := range r.groups() {
		g.write(&b)
	}
	r.writeKinds(&b)
	r.writeTools(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

// group is a heading with its rows and a remark.
type group struct {
	heading, remark string
	rows            []row
}

type row struct {
	label string
	s     Summary
	unit  func(float64) string
}

func (r *Result) groups() []group {
	t := &r.Tools
	return []group{
		{"session", r.sessionRemark(), []row{
			{"steps", r.Sessions.Steps, number}, {"tool calls", r.Sessions.Tools, number},
			{"turns", r.Turns.PerSession, number}, {"parallelism", r.Sessions.Parallelism, number},
		}},
		{"tokens", percent(r.Tokens.ReuseShare) + " of the prompts' tokens are reusable (own contexts, shared prefixes)", []row{
			{"prompt", r.Tokens.Prompt, number}, {"  kept", r.Tokens.Keep, number},
			{"  added", r.Tokens.Add, number}, {"output", r.Tokens.Output, number},
		}},
		{"tools", r.toolRemark(), []row{
			{"duration", t.DurationS, duration}, {"calls at once", t.Parallel, number},
		}},
		{"gaps", "", []row{
			{"tool+client", r.Gaps.ToolClient, duration}, {"human", r.Gaps.Human, duration},
			{"unknown", r.Gaps.Unknown, duration}, {"without a cause", r.Gaps.Other, duration},
		}},
		{"sub-agents", "", []row{
			{"at once", r.Agents.Width, number}, {"steps of one", r.Agents.Steps, number},
		}},
		{"recorded model", "", []row{
			{"latency", r.Recorded, duration}, {"first token", r.TTFT, duration},
		}},
		{"arrivals", r.arrivalRemark(), []row{{"gap", r.Arrivals.GapS, duration}}},
	}
}

func (r *Result) sessionRemark() string {
	parts := []string{fmt.Sprintf("%s steps a turn", number(r.Turns.StepsPerTurn))}
	if r.Private+r.Sessions.Private > 0 {
		parts = append(parts, fmt.Sprintf("%s and %s private", plural(r.Private, "step"), plural(r.Sessions.Private, "session")))
	}
	if r.Sessions.Budgeted > 0 {
		parts = append(parts, fmt.Sprintf("%s with a budget", plural(r.Sessions.Budgeted, "session")))
	}
	return strings.Join(parts, ", ")
}

func (r *Result) toolRemark() string {
	t := &r.Tools
	if t.Calls == 0 {
		return ""
	}
	s := fmt.Sprintf("%s a step, %s a turn, %s a session", number(t.PerStep), number(t.PerTurn), number(t.PerSession))
	if t.DurationS.N > 0 {
		s += fmt.Sprintf("; longest 4 %%: %s of the time", percent(t.Top4Share))
	}
	return s
}

func (r *Result) arrivalRemark() string {
	a := &r.Arrivals
	switch {
	case a.Recorded == 0:
		return "not recorded: a replay needs --arrivals"
	case a.OutOfOrder:
		return "recorded, not in the order of the file"
	case a.GapS.N == 0:
		return "recorded"
	}
	shape := "about as Poisson arrivals"
	if a.GapS.CV > 1.15 {
		shape = "in bursts"
	} else if a.GapS.CV < 0.85 {
		shape = "steadier than Poisson"
	}
	return fmt.Sprintf("%s a second over %s; cv %.2f, burstiness %.2f: %s",
		number(a.PerSecond), duration(a.SpanS), a.GapS.CV, a.Burstiness, shape)
}

// write leaves out rows without values, and a group without anything to say.
func (g *group) write(b *strings.Builder) {
	said := g.remark != ""
	for _, x := range g.rows {
		said = said || x.s.N > 0
	}
	if !said {
		return
	}
	heading := fmt.Sprintf("%-*s%s", labelWidth, g.heading, clip(g.remark, 100-labelWidth))
	fmt.Fprintf(b, "\n%s\n", strings.TrimRight(heading, " "))
	for _, x := range g.rows {
		if x.s.N == 0 {
			continue
		}
		fmt.Fprintf(b, "  %-*s%*s", labelWidth-2, x.label, numberWidth, number(float64(x.s.N)))
		for _, v := range []float64{x.s.Mean, x.s.P10, x.s.P50, x.s.P90, x.s.P99, x.s.Max} {
			fmt.Fprintf(b, "%*s", numberWidth, x.unit(v))
		}
		fmt.Fprintf(b, "  %s\n", strings.TrimRight(figure(x.s.Bars), " "))
	}
}

// figure draws a summary's bars, the highest in full height.
func figure(counts []int64) string {
	var most int64
	for _, c := range counts {
		most = max(most, c)
	}
	drawn := make([]rune, len(counts))
	for i, c := range counts {
		level := 0
		if c > 0 {
			level = 1 + int(c*int64(len(levels)-2)/most)
		}
		drawn[i] = levels[level]
	}
	return string(drawn)
}

func (r *Result) writeKinds(b *strings.Builder) {
	if len(r.Kinds) < 2 {
		return
	}
	fmt.Fprintf(b, "\n%-*s%*s%*s%*s%*s\n", labelWidth, "kind of step", numberWidth, "steps", numberWidth, "share",
		numberWidth+4, "prompt p50", numberWidth+4, "output p50")
	for _, k := range r.Kinds {
		name := k.Kind
		if name == "" {
			name = "(not stated)"
		}
		line := fmt.Sprintf("  %-*s%*s%*s%*s%*s  %s", labelWidth-2, clip(name, labelWidth-3), numberWidth, number(float64(k.Steps)),
			numberWidth, percent(k.Share), numberWidth+4, number(k.PromptP50), numberWidth+4, number(k.OutputP50), bar(k.Share))
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
}

// mostTools bounds the tools that the text lists.
const mostTools = 12

func (r *Result) writeTools(b *strings.Builder) {
	if len(r.Tools.ByName) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%-*s%*s%*s%*s%*s%*s\n", labelWidth+3, "tool", numberWidth, "calls", numberWidth, "p50", numberWidth, "p90",
		numberWidth, "p99", numberWidth+4, "of the time")
	for i, t := range r.Tools.ByName {
		if i == mostTools {
			fmt.Fprintf(b, "  and %d more\n", len(r.Tools.ByName)-i)
			break
		}
		p50, p90, p99, share, drawn := duration(t.P50), duration(t.P90), duration(t.P99), percent(t.TimeShare), bar(t.TimeShare)
		if t.P99 == 0 {
			p50, p90, p99, share, drawn = "-", "-", "-", "-", ""
		}
		line := fmt.Sprintf("  %-*s%*s%*s%*s%*s%*s  %s", labelWidth+1, clip(t.Name, labelWidth), numberWidth, number(float64(t.Calls)),
			numberWidth, p50, numberWidth, p90, numberWidth, p99, numberWidth+4, share, drawn)
		fmt.Fprintln(b, strings.TrimRight(line, " "))
	}
}
