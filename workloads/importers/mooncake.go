package importers

import (
	"cmp"
	"fmt"
	"strconv"

	"tierlab/workloads"
)

// mooncake reads the request traces of Mooncake (FAST '25): one request a
// line, {"timestamp": ms, "input_length": tokens, "output_length": tokens,
// "hash_ids": [...]}.
//
// The rules:
//
//   - Every request is a session of one step, which arrives at its timestamp.
//   - A hash id names the content of a block of 512 tokens (or Options.BlockSize) at
//     its place behind the blocks before it, in all requests; the last block of a prompt may be
//     partial.
//   - A run of blocks with which at least two requests begin is a prefix
//     record; runs that share their beginning nest. A request keeps the longest
//     such run, but no more tokens than its own prompt has.
//   - Whether one request continues the conversation of another is not in the
//     source and not concluded.
//
// All block ids are held in memory.
var mooncake = Importer{
	Name:     "mooncake",
	Reads:    "Mooncake request traces (JSON Lines)",
	Example:  "mooncake-fast25/conversation_trace.jsonl",
	suffixes: []string{".jsonl"},
	origin: workloads.Provenance{
		Source:  "Mooncake FAST '25 traces (https://github.com/kvcache-ai/Mooncake)",
		License: "Apache-2.0",
		Method:  "import mooncake: one-step sessions; runs of 512-token blocks that several requests begin with are prefixes",
	},
	convert: convertMooncake,
}

// mooncakeBlock is the length of a block in tokens.
const mooncakeBlock = 512

type mooncakeRow struct {
	Timestamp *float64 `json:"timestamp"` // ms
	Input     *int     `json:"input_length"`
	Output    *int     `json:"output_length"`
	HashIDs   []int64  `json:"hash_ids"`
	SessionID string   `json:"session_id"`
	RequestID string   `json:"request_id"`
}

func (r *mooncakeRow) check() error {
	switch {
	case r.SessionID != "" || r.RequestID != "":
		return fmt.Errorf("session_id or request_id: the file has sessions (import it with --from agentic-mooncake)")
	case r.Timestamp == nil || *r.Timestamp < 0:
		return fmt.Errorf("timestamp: want milliseconds, zero or more")
	case r.Input == nil || *r.Input < 0:
		return fmt.Errorf("input_length: want tokens, zero or more")
	case r.Output == nil || *r.Output < 0:
		return fmt.Errorf("output_length: want tokens, zero or more")
	}
	return nil
}

func convertMooncake(files []string, out *sink) error {
	shared := &sharedPrefixes{block: cmp.Or(out.block, mooncakeBlock), out: out}
	rows := 0
	err := eachMooncakeRow(files, func(r *mooncakeRow, place string) error {
		if err := r.check(); err != nil {
			return fmt.Errorf("%s: %w", place, err)
		}
		rows++
		shared.add(r.HashIDs, *r.Input, rows)
		return nil
	})
	if err != nil {
		return err
	}
	n := 0
	return eachMooncakeRow(files, func(r *mooncakeRow, place string) error {
		n++
		ctx, err := shared.context(r.HashIDs, *r.Input)
		if err != nil {
			return err
		}
		if *r.Output == 0 {
			out.count(1, "requests have no output token")
		}
		arrival := seconds(*r.Timestamp / 1000)
		return out.session(&workloads.Session{ID: strconv.Itoa(n), Arrival: &arrival},
			[]workloads.Step{{ID: "1", LLM: workloads.LLM{OutputTokens: *r.Output, Context: ctx}}})
	})
}

func eachMooncakeRow(files []string, do func(r *mooncakeRow, place string) error) error {
	for _, file := range files {
		if err := eachRecord(file, do); err != nil {
			return err
		}
	}
	return nil
}

// sharedPrefixes finds what prompts share across sessions.
type sharedPrefixes struct {
	trie  trie
	block int // tokens
	out   *sink
	names int
}

// add takes a prompt of a session into account. All are added, session by
// session, before the first context is asked for.
func (s *sharedPrefixes) add(ids []int64, tokens, session int) {
	s.trie.insert(ids, 0, session)
	s.trie.path(ids, func(n *trieNode) error {
		n.shorten(tokens, s.block)
		return nil
	})
}

// shorten limits what prompts share up to the end of n to the length of one
// of them.
func (n *trieNode) shorten(tokens, block int) {
	limit := min(n.depth*block, tokens)
	if n.tokens == 0 || limit < n.tokens {
		n.tokens = limit
	}
}

// length is how many tokens of a prompt are shared with other sessions.
func (s *sharedPrefixes) length(ids []int64, tokens int) (held int) {
	s.trie.path(ids, func(n *trieNode) error {
		if n.uses > 1 {
			held = max(held, n.limit(s.block, tokens))
		}
		return nil
	})
	return held
}

// limit is how many tokens of a prompt lie before the end of n.
func (n *trieNode) limit(block, tokens int) int { return min(n.tokens, n.depth*block, tokens) }

// context is a prompt as a delta against the longest prefix that it shares,
// which is written, with those below it, if it has not been.
func (s *sharedPrefixes) context(ids []int64, tokens int) (workloads.Context, error) {
	ctx := workloads.Context{}
	held := 0
	err := s.trie.path(ids, func(n *trieNode) error {
		limit := n.limit(s.block, tokens)
		if n.uses < 2 || limit <= held {
			return nil
		}
		if n.number == 0 {
			s.names++
			n.number = s.names
			p := workloads.Prefix{Name: prefixName(n.number), Add: limit - held}
			if ctx.From != "" {
				p.From, p.Keep = ctx.From[1:], held
			}
			if err := s.out.prefix(p); err != nil {
				return err
			}
		}
		ctx.From, held = "@"+prefixName(n.number), limit
		return nil
	})
	ctx.Keep, ctx.Add = held, tokens-held
	return ctx, err
}

func prefixName(n int) string { return "b" + strconv.Itoa(n) }
