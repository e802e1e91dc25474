package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"tierlab/reference/hub"
	"tierlab/workloads"
)

// The widths of what is shown of a text in a line.
const (
	shortText = 60
	longText  = 2000
)

// oneLine is a text that may come from anywhere as a part of a line: spaces
// joined, control characters as signs, and after so many characters "...".
func oneLine(text string, most int) string {
	text = strings.Map(sign, strings.Join(strings.Fields(text), " "))
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	runes := []rune(text)
	return strings.TrimRight(string(runes[:most]), " ") + "..."
}

// oneJSON is a JSON value as a part of a line.
func oneJSON(value json.RawMessage, most int) string {
	var b bytes.Buffer
	if json.Compact(&b, value) == nil {
		return oneLine(b.String(), most)
	}
	return oneLine(string(value), most)
}

// dollars is a price without the zeros behind it, to a hundredth of a cent's
// hundredth.
func dollars(usd float64) string {
	switch {
	case usd == 0:
		return "$0"
	case usd > 0 && usd < 1e-6:
		return "<$0.000001"
	}
	text := strconv.FormatFloat(usd, 'f', 6, 64)
	text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	return "$" + text
}

// lasted is a duration to three digits or so.
func lasted(d time.Duration) string {
	ms := millisOf(d)
	switch {
	case d < 0:
		return "-" + lasted(-d)
	case d >= 100*time.Second:
		return d.Round(time.Second).String()
	case d >= 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case ms >= 10:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 0.1:
		return fmt.Sprintf("%.1f ms", ms)
	case d == 0:
		return "0 ms"
	}
	return "<0.1 ms"
}

// ago is a duration as a person says it.
func ago(d time.Duration) string {
	switch {
	case d < time.Second:
		return "now"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

// stepHead and stepRow are the lines of a session's timeline. A row that failed
// is marked at its beginning.
func stepHead() string {
	return stepRow(false, "STEP", "MODEL OR TOOL", "WHERE", "TIME", "COST", "WHAT CAME OF IT")
}

func stepRow(failed bool, step, what, where, took, cost, came string) string {
	mark := " "
	if failed {
		mark = "!"
	}
	return strings.TrimRight(fmt.Sprintf("%s%4s  %-15s %-20s %8s %10s  %s", mark, step, what, where, took, cost, came), " ")
}

// attemptRow is an attempt at a step's model call.
func attemptRow(step int, a *workloads.Attempt, answer *hub.Message, problem string) string {
	failed := a.Status != workloads.StatusOK
	came := said(answer)
	if failed {
		came = strings.TrimRight(fmt.Sprintf("%s: %s", strings.ToUpper(string(a.Status)), oneLine(problem, 2*shortText)), ": ")
	}
	if a.Hedge {
		came = "hedge; " + came
	}
	return stepRow(failed, strconv.Itoa(step), a.Model, place(a.Site, a.Tier), lasted(a.Done.D()-a.Sent.D()), dollars(a.USD+a.Egress), came)
}

// stepEnd is the end of a step that did not go well, with the reason for which
// it could run nowhere if that is why.
func stepEnd(step int, status workloads.Status, nowhere string) string {
	came := "the step ended: " + string(status)
	if nowhere != "" {
		came += ", no site for it (" + oneLine(nowhere, 2*shortText) + ")"
	}
	return stepRow(true, strconv.Itoa(step), "", "", "", "", came)
}

// said is an answer in a few words: its text, else what it calls.
func said(m *hub.Message) string {
	switch {
	case m == nil:
		return ""
	case strings.TrimSpace(m.Content) != "":
		return oneLine(m.Content, shortText)
	case len(m.Calls) == 0:
		return "(nothing)"
	}
	var calls []string
	for _, c := range m.Calls {
		calls = append(calls, c.Name)
	}
	return "calls " + oneLine(strings.Join(calls, ", "), shortText)
}

// place is a site and, where its name does not say so, its tier.
func place(site, tier string) string {
	if tier == "" || strings.HasPrefix(site, tier) {
		return site
	}
	return site + " (" + tier + ")"
}
