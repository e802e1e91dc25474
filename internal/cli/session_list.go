package cli

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"tierlab/reference/journal"
	"tierlab/reference/session"
)

func newSessionList(stdio Stdio) *cobra.Command {
	var folder sessionFolder
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List sessions: how they stand, how long ago they began, what they cost",
		Long: `List the sessions of a folder, those that began last first. Figures are as of the
last time a session was at rest: its hibernation, its end, or the owner's last
snapshot.`,
		Example: `  tierlab agent run --session s1 --model script:primes --quiet
  tierlab session list`,
		Args: exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return folder.with(true, func(store journal.Store) error {
				return listSessions(cmd.Context(), store, stdio, time.Now())
			})
		},
	}
	folder.flags(cmd.Flags())
	return cmd
}

// listed is a row.
type listed struct {
	id string
	session.Summary
}

func listSessions(ctx context.Context, store journal.Store, stdio Stdio, now time.Time) error {
	var rows []listed
	err := eachSession(ctx, store, func(h journal.Head) error {
		s, err := session.Summarize(&h)
		if err != nil {
			return fmt.Errorf("session %s: its summary cannot be read: %w", h.Session, err)
		}
		rows = append(rows, listed{h.Session, s})
		return nil
	})
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		fmt.Fprintln(stdio.Err, "tierlab: there are no sessions yet: tierlab agent run begins one")
		return nil
	}
	slices.SortStableFunc(rows, func(a, b listed) int { return b.Begun.Compare(a.Begun) })
	t := newTable("SESSION", "STATUS", "STEPS", "BEGUN", "COST", "TASK")
	for _, r := range rows {
		task := oneLine(r.Task, shortText)
		if r.Parent != "" {
			task += " (branch of " + r.Parent + ")"
		}
		t.row(r.id, statusText(&r.Summary), fmt.Sprint(r.Steps), ago(now.Sub(r.Begun)), dollars(r.USD), task)
	}
	return t.write(stdio.Out)
}

func statusText(s *session.Summary) string {
	switch {
	case s.Status != "":
		return string(s.Status)
	case s.Waiting != "":
		return "waits for " + oneLine(s.Waiting, 40)
	}
	return "open"
}
