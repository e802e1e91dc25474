package cli

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"tierlab/reference/hub"
	"tierlab/reference/journal"
	"tierlab/reference/session"
)

// sessionReplayOptions say to where a session is replayed.
type sessionReplayOptions struct {
	folder sessionFolder
	to     string
	full   bool
	json   bool
}

func newSessionReplay(stdio Stdio) *cobra.Command {
	var o sessionReplayOptions
	cmd := &cobra.Command{
		Use:   "replay SESSION --to STEP",
		Short: "Show a session as it was after one of its steps",
		Long: `Replay a session's journal into a fresh machine, up to the end of a step, and show
what there was then: the conversation, the state that tools had written, and the
machine's digest. Nothing is called and nothing is written. "--to 3" and "--to
step 3" mean the same; without it all of the session is replayed.`,
		Example: `  tierlab agent run --session s1 --model script:primes --quiet
  tierlab session replay s1 --to step 1`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.to == stepWord {
				return exactly("SESSION", "STEP")(cmd, args)
			}
			return exactly("SESSION")(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			step, err := stepNumber("to", o.to, args[1:])
			if err != nil {
				return err
			}
			return o.folder.with(true, func(store journal.Store) error {
				return replaySession(cmd.Context(), store, args[0], step, o, stdio)
			})
		},
	}
	f := cmd.Flags()
	o.folder.flags(f)
	f.StringVar(&o.to, "to", "", "the last `step` to replay, from 1")
	f.BoolVar(&o.full, "full", false, "whole texts")
	f.BoolVar(&o.json, "json", false, "as JSON")
	return cmd
}

// stepWord may stand before a step's number, as in --to step 3, where the number
// then comes as an argument.
const stepWord = "step"

// stepNumber reads a flag that names a step; "" is 0.
func stepNumber(flag, text string, rest []string) (int, error) {
	if text == stepWord && len(rest) == 1 {
		text = rest[0]
	}
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, badInputf("--%s: %q is no step: it is a number from 1, as in --%[1]s 3 or --%[1]s step 3", flag, text)
	}
	return n, nil
}

func replaySession(ctx context.Context, store journal.Store, id string, step int, o sessionReplayOptions, stdio Stdio) error {
	v, err := rebuilt(ctx, store, id, step)
	if err != nil {
		return err
	}
	return buffered(stdio.Out, func(w io.Writer) error {
		if o.json {
			return indented(w, v)
		}
		most := 4 * shortText
		if o.full {
			most = 1 << 30
		}
		writeMoment(w, v, step, most)
		return nil
	})
}

// rebuilt is a session as of a step's end. A step that it has not is the user's
// mistake.
func rebuilt(ctx context.Context, store journal.Store, id string, step int) (*session.View, error) {
	if step > 0 {
		whole, err := session.Rebuild(ctx, store, id, session.To{})
		if err != nil {
			return nil, notFound(ctx, store, id, err)
		}
		if step > len(whole.Steps) {
			return nil, badInputf("session %s has %s: there is no step %d", id, count(len(whole.Steps), "step"), step)
		}
	}
	v, err := session.Rebuild(ctx, store, id, session.To{Step: step})
	if err != nil {
		return nil, notFound(ctx, store, id, err)
	}
	return v, nil
}

// writeMoment writes what there was.
func writeMoment(w io.Writer, v *session.View, step, most int) {
	when := "as it is"
	if step > 0 {
		when = fmt.Sprintf("as it was after step %d", step)
	}
	t := &table{}
	t.row("session", fmt.Sprintf("%s, %s (record %d)", v.Spec.ID, when, v.Record))
	t.row("stands", stands(v))
	t.row("cost", fmt.Sprintf("%s, %s", dollars(v.USD), count(v.Tokens, "token")))
	t.row("machine", fmt.Sprintf("%016x", v.Digest))
	fmt.Fprintf(w, "%s\n\nCONVERSATION\n", t.String())
	for i := range v.Messages {
		writeMessage(w, &v.Messages[i], most)
	}
	fmt.Fprintln(w, "\nSTATE")
	s := &table{}
	keys := toolKeys(slices.Sorted(maps.Keys(v.State)))
	for _, key := range keys {
		s.row("  "+oneLine(key, shortText), oneLine(string(v.State[key]), most))
	}
	if len(keys) == 0 {
		s.row("  nothing was written")
	}
	fmt.Fprintln(w, s.String())
}

func writeMessage(w io.Writer, m *hub.Message, most int) {
	role := m.Role
	if m.Name != "" {
		role += " " + m.Name
	}
	if m.Content != "" || len(m.Calls) == 0 {
		fmt.Fprintf(w, "  %-10s %s\n", oneLine(role, shortText), oneLine(m.Content, most))
		role = ""
	}
	for _, c := range m.Calls {
		fmt.Fprintf(w, "  %-10s calls %s %s\n", role, oneLine(c.Name, shortText), oneLine(c.Arguments, most))
		role = ""
	}
}
