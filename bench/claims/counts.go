package claims

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"tierlab/workloads"
	"tierlab/workloads/generate"
	"tierlab/workloads/importers"
	"tierlab/workloads/inspect"
)

// The claimed number of tool calls of a task.
const leastCalls, mostCalls = 20, 50

// recording is a set of recorded sessions in the folder of data.
type recording struct {
	format, path string
	// tools: it records tool calls, not only the time between requests.
	tools bool
}

// recordings are those whose sessions are whole.
func recordings() []recording {
	return []recording{
		{"weka", "kv-cache-tester/sessions_compact.jsonl.gz", false},
		{"openhands", "openhands-multi-swe/output.jsonl", true},
		{"tracelab", "tracelab-examples/example_sessions/derived/round_trace.jsonl", true},
	}
}

// publishedCount is a mean number of tool calls that others state.
type publishedCount struct {
	what          string
	calls         float64
	source, title string
}

// publishedCounts are those that the built-in profiles are held to, and one
// that none of them meets, since their sessions are shorter.
func publishedCounts() ([]publishedCount, error) {
	units := map[string]string{"tools.per_turn": "a user's request", "tools.per_session": "a session"}
	var list []publishedCount
	for _, name := range agents() {
		p, err := generate.Builtin(name)
		if err != nil {
			return nil, err
		}
		titles := map[string]string{}
		for _, s := range p.Sources {
			titles[s.ID] = s.Title
		}
		for _, x := range p.Published {
			unit, ok := units[x.Figure]
			if !ok {
				continue
			}
			list = append(list, publishedCount{unit, x.Value, x.Source, titles[x.Source]})
			if x.Source == "tracelab" {
				list = append(list, publishedCount{"a session", 101, x.Source, titles[x.Source]})
			}
		}
	}
	return list, nil
}

// callCounts is C4.
func callCounts(ctx context.Context, l *Lab, f *Finding) error {
	t := Table{Title: "Per session, mean (p50; p90); a request is a model call, a turn begins with a word of the user",
		Head: []string{"workload", "sessions", "requests", "tool calls", "turns", "tool calls/turn"}}
	if err := l.generated(f, &t); err != nil {
		return err
	}
	found, err := l.recorded(ctx, f, &t)
	if err != nil {
		return err
	}
	quoted := Table{Title: "Published means of tool calls", Head: []string{"per", "tool calls", "source"}}
	published, err := publishedCounts()
	if err != nil {
		return err
	}
	for _, p := range published {
		quoted.row(word(p.what), number(p.calls), word(p.title))
		f.calls(fmt.Sprintf("%s of %s (published)", p.what, p.source), p.calls, false)
	}
	f.Tables = append(f.Tables, t, quoted)
	f.judge()
	f.Says = f.inWords()
	f.How = fmt.Sprintf("mean tool calls of a session or request within %d-%d; generated workloads are calibrated, so agreement there proves nothing; %s",
		leastCalls, mostCalls, found)
	return nil
}

// calls checks a mean number of tool calls.
func (f *Finding) calls(of string, mean float64, assumed bool) {
	c := exactly(mean)
	f.check(Check{Statement: of, Criterion: fmt.Sprintf("%d-%d tool calls", leastCalls, mostCalls), Found: c,
		Truth: c.within(leastCalls, mostCalls), Where: "a task is " + of, Assumed: assumed})
}

// generated adds the built-in workloads.
func (l *Lab) generated(f *Finding, t *Table) error {
	text, err := generate.EmbeddedBytes()
	if err != nil {
		return err
	}
	r, err := inspect.Inspect(workloads.NewReader(bytes.NewReader(text), "embedded"))
	if err != nil {
		return err
	}
	countsRow(t, "embedded", r)
	for _, name := range agents() {
		r, err := inspectProfile(name, l.Seed)
		if err != nil {
			return err
		}
		countsRow(t, name, r)
		f.calls("a session of "+name, r.Tools.PerSession, true)
	}
	return nil
}

func inspectProfile(name string, seed uint64) (*inspect.Result, error) {
	p, err := generate.Builtin(name)
	if err != nil {
		return nil, err
	}
	h, err := p.Header(templates, seed)
	if err != nil {
		return nil, err
	}
	return inspectWritten(name, func(w io.Writer) error {
		out := workloads.NewWriter(w, h)
		return errors.Join(generate.Generate(p, templates, seed, out), out.Close())
	})
}

// inspectWritten measures a workload while it is written.
func inspectWritten(name string, write func(io.Writer) error) (*inspect.Result, error) {
	r, w := io.Pipe()
	written := make(chan error, 1)
	go func() {
		err := write(w)
		w.CloseWithError(err)
		written <- err
	}()
	result, err := inspect.Inspect(workloads.NewReader(r, name))
	r.CloseWithError(errors.New("the reader has stopped"))
	if failed := <-written; err == nil {
		err = failed
	}
	return result, err
}

// recorded adds the recordings that are there and says which.
func (l *Lab) recorded(ctx context.Context, f *Finding, t *Table) (string, error) {
	if l.Data == "" {
		return "no folder of recordings was given (--data)", nil
	}
	n := 0
	for _, rec := range recordings() {
		if err := ctx.Err(); err != nil {
			return "", err
		}
		file := filepath.Join(l.Data, filepath.FromSlash(rec.path))
		if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		r, err := rec.inspect(file)
		if err != nil {
			return "", err
		}
		n++
		name := path.Dir(rec.path)
		name, _, _ = strings.Cut(name, "/")
		countsRow(t, name, r)
		if rec.tools {
			f.calls(fmt.Sprintf("a session of %s (recorded, %d)", name, r.Sessions.Count), r.Tools.PerSession, false)
			continue
		}
		last := t.Rows[len(t.Rows)-1]
		last[3], last[5] = word("not recorded"), word("not recorded")
	}
	return fmt.Sprintf("%d recordings found in the folder of data", n), nil
}

func (rec recording) inspect(file string) (*inspect.Result, error) {
	for _, im := range importers.All() {
		if im.Name == rec.format {
			return inspectWritten(rec.path, func(w io.Writer) error {
				_, err := im.Import([]string{file}, w, importers.Options{})
				return err
			})
		}
	}
	return nil, fmt.Errorf("no importer %q", rec.format)
}

func countsRow(t *Table, name string, r *inspect.Result) {
	spread := func(s *inspect.Summary) Cell {
		return Cell{Text: fmt.Sprintf("%s (%s; %s)", short(s.Mean), short(s.P50), short(s.P90)), figure: &Estimate{Mean: s.Mean}}
	}
	t.row(word(name), word(fmt.Sprint(r.Sessions.Count)), spread(&r.Sessions.Steps), spread(&r.Sessions.Tools),
		number(float64(r.Turns.Count)/float64(r.Sessions.Count)), number(r.Tools.PerTurn))
}
