package cli

import (
	"bufio"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"tierlab/reference/journal"
	"tierlab/reference/session"
)

// sessionShowOptions say what of a session is shown.
type sessionShowOptions struct {
	folder  sessionFolder
	step    int
	full    bool
	json    bool
	records bool
}

func newSessionShow(stdio Stdio) *cobra.Command {
	var o sessionShowOptions
	cmd := &cobra.Command{
		Use:   "show SESSION",
		Short: "Show what happened in a session, step by step",
		Long: `Show a session's steps: each attempt with its model, site and the policy's
reason, each tool call with its arguments, its result and what it wrote, who
approved, and what all of it cost. What failed is marked with "!"; under a tool
call that failed stand the earlier calls that wrote what its arguments name.

--records shows the journal itself: every record with its hash. Reading it
checks the chain, so that a changed record is told and not shown.`,
		Example: `  tierlab agent run --session s1 --model script:primes --quiet
  tierlab session show s1
  tierlab session show s1 --step 1 --full
  tierlab session show s1 --records`,
		Args: exactly("SESSION"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.step < 0 {
				return badInputf("--step is %d: steps are numbered from 1", o.step)
			}
			return o.folder.with(true, func(store journal.Store) error {
				return showSession(cmd.Context(), store, args[0], o, stdio)
			})
		},
	}
	f := cmd.Flags()
	o.folder.flags(f)
	f.IntVar(&o.step, "step", 0, "only this step (`number` from 1)")
	f.BoolVar(&o.full, "full", false, "whole texts, arguments and results")
	f.BoolVar(&o.json, "json", false, "as JSON; with --records one record a line")
	f.BoolVar(&o.records, "records", false, "the journal's records with their hashes")
	return cmd
}

func showSession(ctx context.Context, store journal.Store, id string, o sessionShowOptions, stdio Stdio) error {
	if o.records {
		return showRecords(ctx, store, id, o, stdio)
	}
	v, err := session.Rebuild(ctx, store, id, session.To{})
	if err != nil {
		return notFound(ctx, store, id, err)
	}
	if o.step > len(v.Steps) {
		return badInputf("--step is %d: session %s has %s", o.step, id, count(len(v.Steps), "step"))
	}
	return buffered(stdio.Out, func(w io.Writer) error {
		if o.json {
			return indented(w, v)
		}
		p := viewWriter{w: w, most: o.most(), step: o.step}
		p.write(v)
		return nil
	})
}

// most is how long a text may be.
func (o *sessionShowOptions) most() int {
	if o.full {
		return 1 << 30
	}
	return 2 * shortText
}

// indented writes a value as JSON that a person can read.
func indented(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// rawRecord is a record as --records --json has it.
type rawRecord struct {
	Seq   uint64          `json:"seq"`
	Epoch uint64          `json:"epoch"`
	At    time.Time       `json:"at"`
	Kind  string          `json:"kind"`
	Body  json.RawMessage `json:"body"`
	Hash  string          `json:"hash"`
}

// showRecords lists a journal. The store checks the chain while it reads.
func showRecords(ctx context.Context, store journal.Store, id string, o sessionShowOptions, stdio Stdio) error {
	head, err := store.Head(ctx, id)
	if err != nil {
		return notFound(ctx, store, id, err)
	}
	w := bufio.NewWriter(stdio.Out)
	n := 0
	err = store.Read(ctx, id, max(head.First, 1)-1, func(r journal.Record) error {
		n++
		if o.json {
			e := json.NewEncoder(w)
			e.SetEscapeHTML(false)
			return e.Encode(rawRecord{r.Seq, r.Epoch, r.At, r.Kind, r.Body, hex.EncodeToString(r.Hash[:])})
		}
		fmt.Fprintf(w, "%5d  %s  %-14s %s  %s\n", r.Seq, r.At.UTC().Format("15:04:05.000000"), r.Kind, hex.EncodeToString(r.Hash[:6]), oneJSON(r.Body, o.most()))
		return nil
	})
	if err == nil && !o.json {
		fmt.Fprintf(w, "\nchain verified: %s, the last hash is %s\n", count(n, "record"), hex.EncodeToString(head.Hash[:]))
	}
	return errors.Join(err, w.Flush())
}
